// What tests ask of a document; put into every page before its own scripts.
window.breaches = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.breaches.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile || ""}`));

window.looks = (() => {
  const CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex], [role=button], [role=tab]";
  const seen = (e) => e.checkVisibility({visibilityProperty: true, opacityProperty: true});
  const all = (what) => [...document.querySelectorAll(what)];
  const name = (e) => {
    const said = e.getAttribute("aria-label") || e.innerText || e.name || e.id || "";
    return `${e.tagName.toLowerCase()} ${said.trim().replace(/\s+/g, " ").slice(0, 40)}`;
  };
  const scrolls = (e) => e && (/(auto|scroll|hidden|clip)/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));

  return {
    /** Tell whether all that was asked for has come, and nothing moves. */
    settled() {
      const moves = (a) => a.playState === "running" && a.effect.getTiming().iterations !== Infinity;
      const waits = document.querySelector(".htmx-request, [aria-busy=true]");
      return document.readyState === "complete" && !waits && !document.getAnimations().some(moves);
    },

    /** Title, headings, landmarks, text and maps. */
    outline() {
      const ids = all("[id]").map((e) => e.id);
      return {
        title: document.title,
        lang: document.documentElement.lang,
        h1: all("h1").map((e) => e.innerText),
        levels: all("h1, h2, h3, h4").filter(seen).map((e) => +e.tagName[1]),
        mains: all("main").length,
        current: all("nav [aria-current=page]").map((e) => e.innerText.trim()),
        text: document.body.innerText,
        canaries: all(".canary").length,
        maps: all(".map canvas").map((e) => [e.width, e.height, e.getAttribute("aria-label") || ""]),
        stale: !!document.querySelector("#stale")?.checkVisibility(),
        doubled: ids.filter((id, at) => ids.indexOf(id) !== at),
      };
    },

    /** What sticks out of the window or of its box, and lies in nothing that scrolls by itself. */
    sticksOut() {
      const wide = document.documentElement.clientWidth, page = document.scrollingElement.scrollWidth;
      const found = page > wide ? [`the page is ${page} wide, the window ${wide}`] : [];
      for (const each of all("body *")) {
        const box = each.getBoundingClientRect();
        if (!box.width || !seen(each) || scrolls(each.parentElement)) continue;
        const out = box.right > wide + 1 || (box.left < -1 && box.right > 0);
        const over = each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).overflowX === "visible";
        if (over && each.matches(".card, p, li, dd, td, h2, h3, .banner, .note")) {
          found.push(`${name(each)} .${each.className}: ${each.scrollWidth} wide in ${each.clientWidth}`);
        }
        if (out) found.push(`${name(each)} .${each.className}: ${Math.round(box.left)} to ${Math.round(box.right)}`);
      }
      return found;
    },

    /** Controls that lie on each other, so that one cannot be pressed; a map's own lie on the map. */
    overlaps() {
      const shown = all(CONTROLS).filter((e) => seen(e) && !e.matches("canvas, .map, [tabindex='-1']"));
      const boxes = shown.map((e) => e.getBoundingClientRect()), found = [];
      for (let i = 0; i < shown.length; i += 1) for (let j = i + 1; j < shown.length; j += 1) {
        if (shown[i].contains(shown[j]) || shown[j].contains(shown[i])) continue;
        const a = boxes[i], b = boxes[j];
        const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (Math.min(x, y, a.width - 1, b.width - 1) > 2) found.push(`${name(shown[i])} lies on ${name(shown[j])}`);
      }
      return found;
    },

    /** How many places Tab should reach. */
    reachable() {
      const radios = new Set();
      return all(CONTROLS).filter((e) => {
        if (e.disabled || e.tabIndex < 0 || e.closest("[inert]") || !e.checkVisibility({visibilityProperty: true})) return false;
        if (e.type !== "radio") return true;
        const group = `${e.form?.id} ${e.name}`, first = !radios.has(group);
        radios.add(group);
        return first;
      }).map(name);
    },

    /** Begin anew at the top, with nothing reached yet. */
    rewind() {
      window.reached = new Set();
      window.last = null;
      document.activeElement?.blur();
      window.scrollTo(0, 0);
    },

    /** What has the focus: its name, whether it shows that; nothing at the end of the page or where it begins anew. */
    focused() {
      const e = document.activeElement;
      if (e === window.last) return []; // a date has a stop for each of its numbers
      window.last = e;
      if (!e || e === document.body || window.reached.has(e)) return null;
      window.reached.add(e);
      const style = getComputedStyle(e);
      return [name(e), (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none"];
    },
  };
})();
