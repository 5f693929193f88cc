// clew: tells which decisions were seen, used and dismissed, each once per page view.
// It keeps nothing in the browser and never throws: a page is worth more than its figures.
(() => {
  "use strict";
  const CONTROL = "a[href],button,summary,[role=button],[role=link]";
  const PERCENT = Array.from({ length: 101 }, (_, n) => n / 100);

  const safe = (act) => (given) => {
    try {
      act(given);
    } catch {}
  };

  let state;
  const told = new Set();
  let waiting = [];

  const tell = ({ name }, type) => {
    const { token } = state.slots[name];
    if (told.has(type + token)) return;
    told.add(type + token);
    waiting.push({ token, type });
    setTimeout(send, 100);
  };

  // A beacon outlives its page. JSON makes it CORS: others cannot send it, and Origin is told.
  const send = safe(() => {
    while (waiting.length) {
      const body = JSON.stringify({ view: state.view, outcomes: waiting.splice(0, 50) });
      navigator.sendBeacon(state.post, new Blob([body], { type: "application/json" }));
    }
  });

  // The places of the slots.

  const place = (name, nodes, around) => {
    const elements = nodes.filter((node) => node.nodeType === 1);
    // Text has no box of its own: what is around it stands for it.
    const bare = !elements.length && nodes.some((node) => node.data.trim());
    return { name, bare, elements: bare ? [around] : elements };
  };

  const between = (mark) => {
    const nodes = [];
    let depth = 1;
    for (let node = mark; (node = node.nextSibling); ) {
      if (node.nodeType !== 8) nodes.push(node);
      else if (node.data.startsWith("clew:")) depth++;
      else if (node.data === "/clew" && !--depth) break;
    }
    return nodes;
  };

  const places = () => {
    const found = [];
    const { SHOW_ELEMENT, SHOW_COMMENT } = NodeFilter;
    const walker = document.createTreeWalker(document, SHOW_ELEMENT | SHOW_COMMENT);
    for (let node; (node = walker.nextNode()); ) {
      if (node.localName === "clew-slot") {
        found.push(place(node.getAttribute("name"), [...node.childNodes], node));
      } else if (node.nodeType === 8 && node.data.startsWith("clew:")) {
        found.push(place(node.data.slice(5), between(node), node.parentNode));
      }
    }
    return found.filter(({ name }) => state.slots[name]?.token);
  };

  // Displayed: half of it, or of what the window can hold of it, for one second on end.

  const watch = (one) => {
    const latest = new Map();
    let timer;

    const check = safe(() => {
      let visible = 0;
      let whole = 0;
      for (const { intersectionRect: part, boundingClientRect: box } of latest.values()) {
        visible += part.width * part.height;
        whole += Math.min(box.width, innerWidth) * Math.min(box.height, innerHeight);
      }
      const enough = Math.min(whole, innerWidth * innerHeight) / 2;
      if (!whole || visible < enough || document.hidden) timer = clearTimeout(timer);
      else timer ||= setTimeout(safe(() => tell(one, "displayed")), 1000);
    });

    const note = (entries) => {
      for (const entry of entries) latest.set(entry.target, entry);
      check();
    };
    const observer = new IntersectionObserver(safe(note), { threshold: PERCENT });
    for (const element of one.elements) observer.observe(element);
    document.addEventListener("visibilitychange", check);
  };

  // Interacted, dismissed: keys that activate something come as clicks.

  const start = safe(() => {
    const found = places();
    found.forEach(safe(watch));

    const act = safe((event) => {
      const from = event.submitter || event.target;
      const dismiss = from.closest("[data-clew-dismiss]");
      const control = dismiss || (event.type === "submit" ? from : from.closest(CONTROL));
      if (!control || event.button === 2) return;
      for (const one of found) {
        const within = (it) => (one.bare ? control.contains(it) : it.contains(control));
        if (one.elements.some(within)) tell(one, dismiss ? "dismissed" : "interacted");
      }
    });
    for (const type of ["click", "auxclick", "submit"]) document.addEventListener(type, act, true);
    document.addEventListener("visibilitychange", () => document.hidden && send());
    addEventListener("pagehide", send);
  });

  safe(() => {
    state = JSON.parse(document.getElementById("clew-state").textContent);
    if (document.prerendering) document.addEventListener("prerenderingchange", start, { once: true });
    else start();
  })();
})();
