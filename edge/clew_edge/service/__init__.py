"""
The backend over HTTP: what `clew serve` runs.

Everything is bare ASGI. A request goes through `app` (routing and refusals), `keys` (who asks),
`bodies` (bounded reading), then one handler; `tenants` holds each tenant's data, and `writing` has
requests that store something share a transaction.
"""
