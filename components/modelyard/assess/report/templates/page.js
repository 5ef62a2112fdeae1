"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const map = at("map"), panel = at("panel"), find = at("find"), hits = at("hits"), note = at("hits-note");
  const SHOWN = 200, HITS = 60;
  let chosen = null, asked = null;
  document.body.classList.add("scripted");

  const made = (tag, text, attributes = {}) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const counted = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;

  // The theme: as the system has it, light, or dark.
  const themes = ["auto", "light", "dark"];
  const kept = (value) => {
    try {
      if (value !== undefined) localStorage.setItem("modelyard-theme", value);
      return localStorage.getItem("modelyard-theme");
    } catch { return null; }
  };
  const setTheme = (theme) => {
    if (theme === "auto") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.dataset.theme = theme;
    at("theme").textContent = `Theme: ${theme}`;
    at("theme").setAttribute("aria-label", `Theme: ${theme === "auto" ? "as the system" : theme}`);
  };
  let theme = themes.includes(kept()) ? kept() : "auto";
  setTheme(theme);
  at("theme").addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    kept(theme);
    setTheme(theme);
  });

  // Lines between the chosen component and those that it has to do with; nothing else has lines.
  const SVG = "http://www.w3.org/2000/svg";
  const anchor = (number) => {
    let node = at(`b${number}`);
    for (let up = node; up && up !== map; up = up.parentElement) {
      if (up.tagName === "DETAILS" && !up.open) node = up.querySelector("summary");
    }
    return node && node.offsetParent !== null ? node : null;
  };
  const related = (box) => [
    ...box.uses.map((number) => [number, "uses"]),
    ...box.reads.map(([number]) => [number, "uses"]),
    ...box.used_by.map((number) => [number, "by"]),
    ...box.read_by.map(([number]) => [number, "by"]),
  ];
  const draw = () => {
    const lines = at("lines");
    lines.replaceChildren();
    const from = chosen === null ? null : anchor(chosen);
    if (!from) return;
    const origin = map.getBoundingClientRect(), drawn = new Set();
    const place = (node) => {
      const box = node.getBoundingClientRect();
      return { left: box.left - origin.left, right: box.right - origin.left, top: box.top - origin.top, bottom: box.bottom - origin.top };
    };
    const mine = place(from);
    for (const [number, how] of related(data.boxes[chosen])) {
      const to = anchor(number);
      if (!to || to === from || drawn.has(to)) continue;
      drawn.add(to);
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", curve(mine, place(to)));
      path.setAttribute("class", how);
      path.setAttribute(how === "uses" ? "marker-end" : "marker-start", "url(#head)");
      lines.append(path);
    }
  };
  const curve = (from, to) => {
    const middle = (box) => [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    const [fx, fy] = middle(from), [tx, ty] = middle(to);
    if (to.top > from.bottom || to.bottom < from.top) {
      const down = to.top > from.bottom, y0 = down ? from.bottom : from.top, y1 = down ? to.top : to.bottom;
      const bend = (y1 - y0) / 2;
      return `M${fx} ${y0}C${fx} ${y0 + bend} ${tx} ${y1 - bend} ${tx} ${y1}`;
    }
    const right = tx > fx, x0 = right ? from.right : from.left, x1 = right ? to.left : to.right;
    const bend = (x1 - x0) / 2;
    return `M${x0} ${fy}C${x0 + bend} ${fy} ${x1 - bend} ${ty} ${x1} ${ty}`;
  };

  // The panel: everything about the chosen component, its resources from the embedded data.
  const listed = (title, items) => {
    if (!items.length) return;
    panel.append(made("h3", title));
    const list = made("ul");
    list.append(...items);
    panel.append(list);
  };
  const jump = (number, more = "") => {
    const item = made("li"), box = data.boxes[number];
    const go = made("button", box.name, { type: "button" });
    go.addEventListener("click", () => choose(number));
    const other = box.team === data.boxes[chosen].team ? "" : ` of ${box.team}`;
    item.append(go, made("small", `${other} ${more}`));
    return item;
  };
  const grouped = (pairs) => {
    const found = new Map();
    for (const [number, path] of pairs) found.set(number, [...(found.get(number) || []), path]);
    return [...found].map(([number, paths]) => jump(number, paths.join(", ")));
  };
  const row = (resource) => {
    const [name, kind, , place, marks] = resource;
    const item = made("li");
    item.append(made("span", name), " ", made("small", data.kinds[kind]));
    if (marks & 1) item.append(" ", made("small", "protected"));
    if (marks & 2) item.append(" ", made("small", "transformed"));
    if (data.places[place]) item.append(made("br"), made("code", data.places[place], { class: "where" }));
    return item;
  };
  const resources = (number, wanted) => {
    const groups = new Map();
    for (const each of data.resources[number]) {
      const inside = data.insides[each[2]];
      groups.set(inside, [...(groups.get(inside) || []), each]);
    }
    for (const [inside, found] of [...groups].sort(([one], [other]) => one.localeCompare(other))) {
      const group = made("details"), list = made("ul");
      const holds = wanted !== undefined && found.includes(wanted);
      group.open = holds || groups.size === 1 || found.length <= 8;
      group.append(made("summary", `${inside || "Its own"}: ${counted(found.length, "resource")}`), list);
      const show = (some) => {
        for (const each of some) {
          const item = row(each);
          if (each === wanted) item.className = "hit";
          list.append(item);
        }
      };
      const limit = holds ? Math.max(SHOWN, found.indexOf(wanted) + 1) : SHOWN;
      show(found.slice(0, limit));
      if (found.length > limit) {
        const more = made("button", `${found.length - limit} more`, { type: "button" });
        more.addEventListener("click", () => { more.remove(); show(found.slice(limit)); });
        group.append(more);
      }
      panel.append(group);
    }
  };
  const fill = (number, wanted) => {
    const box = data.boxes[number];
    const close = made("button", "Close", { type: "button", class: "close" });
    close.addEventListener("click", () => choose(null));
    panel.replaceChildren(close, made("h2", box.name));
    panel.append(made("p", `${box.kind ? `${box.kind}, ` : ""}${box.team} in ${box.environment}`));
    if (box.where) panel.append(made("code", box.where, { class: "where" }));
    if (box.price) panel.append(made("p", `${box.price} a month`));
    listed("What the rules found", data.results.filter((one) => one.box === number).map((one) => {
      const item = made("li");
      item.append(made("span", one.severity, { class: `severity ${one.severity}` }));
      if (one.stops) item.append(made("span", "stops", { class: "severity stops" }));
      if (one.undecided) item.append(made("span", "undecided", { class: "severity open" }));
      item.append(` ${one.problem}. `, made("span", one.remedy, { class: "remedy" }), " ", made("code", one.rule));
      return item;
    }));
    listed("Uses", box.uses.map((other) => jump(other)));
    listed("Used by", box.used_by.map((other) => jump(other)));
    listed("Reads", grouped(box.reads));
    listed("Read by", grouped(box.read_by));
    panel.append(made("h3", "Resources"));
    resources(number, wanted);
  };
  const choose = (number, wanted) => {
    const before = chosen;
    chosen = number;
    map.classList.toggle("focused", number !== null);
    document.body.classList.toggle("paneled", number !== null);
    for (const card of all(".card[aria-current], .card.related")) {
      card.removeAttribute("aria-current");
      card.classList.remove("related");
    }
    panel.hidden = number === null;
    if (number === null) {
      at("lines").replaceChildren();
      if (before !== null && asked && asked.isConnected) asked.focus({ preventScroll: true });
      return;
    }
    const card = at(`b${number}`);
    for (let up = card; up && up !== map; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
    card.setAttribute("aria-current", "true");
    for (const [other] of related(data.boxes[number])) at(`b${other}`).classList.add("related");
    fill(number, wanted);
    panel.scrollTop = 0;
    (panel.querySelector(".hit") || panel).scrollIntoView({ block: "nearest" });
    const { top, bottom } = card.getBoundingClientRect(), over = panel.getBoundingClientRect().top;
    if (top < 0 || bottom > (over > 0 ? over : innerHeight)) card.scrollIntoView({ block: over > 0 ? "start" : "center" });
    draw();
    panel.focus({ preventScroll: true });
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-box]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    asked = link;
    const number = Number(link.dataset.box);
    choose(number === chosen && link.classList.contains("card") ? null : number);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if (chosen !== null) choose(null);
      else if (find.value) { find.value = ""; search(); }
    }
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      event.preventDefault();
      find.focus();
    }
  });
  new ResizeObserver(draw).observe(map);
  map.addEventListener("toggle", draw, true);

  // Filters: what they hide is counted beside each table.
  const filters = at("filters");
  const value = (id) => (at(id) ? at(id).value : "");
  const filter = () => {
    const env = value("env"), team = value("team");
    const severities = new Set(all("[name=severity]:checked", filters).map((box) => box.value));
    const fits = (node) =>
      (!env || !node.dataset.env || node.dataset.env === env)
      && (!team || !node.dataset.team || node.dataset.team === team)
      && (!node.dataset.severity || severities.has(node.dataset.severity));
    for (const node of all("[data-env]:not(.card)")) node.hidden = !fits(node);
    for (const table of all("table.filtered")) {
      const rows = all("tbody > tr", table), shown = rows.filter((each) => !each.hidden).length;
      const said = table.querySelector(".shown");
      if (said) said.textContent = shown === rows.length ? "" : `${shown} of ${rows.length} are shown.`;
    }
    if (team) for (const stack of all("details.stack:not([hidden]), details.team:not([hidden])")) stack.open = true;
    draw();
  };
  filters.addEventListener("change", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());

  // Search: components and resources by name or type.
  const search = () => {
    const words = find.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const has = (text) => words.every((word) => text.toLowerCase().includes(word));
    hits.replaceChildren();
    hits.hidden = !words.length;
    note.textContent = "";
    for (const card of all(".card")) card.classList.remove("missed");
    if (!words.length) return;
    const kept = new Set(), found = [];
    data.boxes.forEach((box, number) => {
      if (has(`${box.name} ${box.kind} ${box.team} ${box.environment}`)) { kept.add(number); found.push([number]); }
    });
    data.boxes.forEach((box, number) => {
      for (const each of data.resources[number]) {
        if (has(`${each[0]} ${data.kinds[each[1]]} ${box.team} ${box.environment}`)) {
          kept.add(number);
          found.push([number, each]);
        }
      }
    });
    for (const card of all(".card")) card.classList.toggle("missed", !kept.has(Number(card.dataset.box)));
    for (const [number, resource] of found.slice(0, HITS)) {
      const box = data.boxes[number], item = made("li");
      const go = made("button", resource ? resource[0] : box.name, { type: "button" });
      const what = resource ? `${data.kinds[resource[1]]} in ${box.name}` : box.kind;
      go.append(" ", made("small", `${what}, ${box.team} in ${box.environment}`));
      go.addEventListener("click", () => { asked = find; choose(number, resource); });
      item.append(go);
      hits.append(item);
    }
    note.textContent = found.length > HITS ? `${HITS} of ${found.length.toLocaleString("en")} found` : `${found.length} found`;
  };
  find.addEventListener("input", search);

  // Print: everything is open on paper, and as it was afterwards.
  const opened = [];
  const unfold = () => {
    for (const each of all("details:not([open])", at("main"))) { each.open = true; opened.push(each); }
  };
  const fold = () => { while (opened.length) opened.pop().open = false; };
  matchMedia("print").addEventListener("change", (event) => (event.matches ? unfold() : fold()));
  addEventListener("beforeprint", unfold);
  addEventListener("afterprint", fold);

  const sections = new Map(all(".sections a").map((link) => [link.hash.slice(1), link]));
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of sections.values()) link.removeAttribute("aria-current");
      sections.get(entry.target.id).setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-20% 0px -75% 0px" });
  for (const id of sections.keys()) watcher.observe(at(id));
})();
