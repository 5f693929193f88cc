"""
Forno, a pizza place: a small Starlette application whose pages clew personalises.

    pip install ".[edge,server]"   in clew's own folder
    python -m shop                 in the folder that holds `shop`; then http://127.0.0.1:8000

What to look at:

1. Open the shop twice, in a window and in a private window, and allow personalising in both: the
   big picture on the front page is drawn for each visitor, and learns from who orders.
2. Look at two pizzas and go back: the line under the picture knows. Order one: now the big picture
   may offer your usual.
3. "Why am I seeing this?", at the foot of every page, says what was used, and what was not.
4. Switch personalising off, at the foot as well: the cookie goes, and the standard page is back.
5. Let the delivery partner say that the order was late, and go to the front page:

    FORNO_PARTNER_KEY=secret python -m shop
    curl -H "Authorization: Bearer secret" -H "Content-Type: application/json" \
         -d '{"order": "1001", "minutes_late": 25}' http://127.0.0.1:8000/partner/deliveries

Where to begin reading: `app.py` for the requests, `policy.json` for what may be shown to whom,
`templates/home.html` for how a page says where.
"""
