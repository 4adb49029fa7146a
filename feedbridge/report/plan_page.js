/* Every text of the feed is set as text, never as markup. */
(() => {
  const FEW = 8;
  const SAME_CHARS = 8;
  const KNOWN = new Set(["delete", "replace", "settle", "update", "create", "keep", "held", "refused"]);

  /* ---- changes */
  const text = (cell) => (typeof cell === "string" ? cell : data.texts[cell]);
  const bdi = (value) => el("bdi", null, shown(value));

  /* A value with the part marked in which it differs from the other: as _marked in plan_page.py. */
  const marked = (value, other) => {
    if (value === null) return el("span", { class: "muted" }, "not there");
    const own = [...value];
    let start = 0;
    let end = 0;
    if (other !== null) {
      const its = [...other];
      const most = Math.min(own.length, its.length);
      while (start < most && own[start] === its[start]) start += 1;
      while (end < most - start && own[own.length - 1 - end] === its[its.length - 1 - end]) end += 1;
    }
    if (start + end < SAME_CHARS) return bdi(value);
    const middle = own.slice(start, own.length - end).join("");
    return el("bdi", null, shown(own.slice(0, start).join("")), middle && el("mark", null, shown(middle)),
      shown(own.slice(own.length - end).join("")));
  };

  const differences = (found) => el("dl", { class: "diffs" }, ...found.map(([path, before, after]) => {
    const none = before === null && after === null;
    return el("div", { class: "diff" }, el("dt", null, bdi(text(path) || "payload")),
      none ? null : el("dd", { class: "before" }, marked(before, after)),
      none ? null : el("dd", { class: "after-value" }, marked(after, before)));
  }));

  const change = (row) => {
    const [target, operation, sku, key, title, reason, file, line, message, mend, code, found] = row;
    const [name, word] = data.operations[operation];
    const place = text(file) + (text(file) && line ? ":" + line : "");
    const from = [data.targets.length > 1 ? data.targets[target] : "", place].filter(Boolean).join(" · ");
    return el("article", { class: "change" },
      el("div", { class: "change-head" },
        el("span", { class: KNOWN.has(name) ? "op op-" + name : "op" }, shown(word)),
        el("h3", null, bdi(sku)),
        key && el("span", { class: "muted" }, "as ", bdi(key)),
        title && el("span", { class: "title" }, bdi(title)),
        from && el("span", { class: "muted from" }, bdi(from))),
      text(reason) && el("p", { class: "why" }, bdi(text(reason))),
      text(message) || text(code) ? el("p", { class: "message" }, bdi(text(message)), text(code) && " ",
        text(code) && el("code", null, shown(text(code)))) : null,
      text(mend) && el("p", { class: "mend" }, "Remedy: ", bdi(text(mend))),
      found.length ? differences(found.slice(0, FEW)) : null,
      found.length > FEW ? el("details", null, el("summary", null, `${number(found.length - FEW)} more`),
        differences(found.slice(FEW))) : null);
  };

  /* variants[TEE-S].price is a price of variants, whichever they are. */
  const fields = data.texts.map((path) => path.replace(/\[[^\[\]"]*\]/g, ""));
  const fieldOf = (path) => (typeof path === "string" ? path.replace(/\[[^\[\]"]*\]/g, "") : fields[path]);
  const haystacks = new Map();
  const hay = (row) => {
    let made = haystacks.get(row);
    if (made === undefined) {
      made = [row[2], row[3], row[4], text(row[5]), text(row[6]) + ":" + row[7], text(row[8]), text(row[10]),
        ...row[11].flatMap(([path, before, after]) => [text(path), before || "", after || ""])].join("\n").toLowerCase();
      haystacks.set(row, made);
    }
    return made;
  };

  const state = { page: 0, kept: data.rows };

  const draw = () => {
    const kept = state.kept;
    const pages = Math.max(1, Math.ceil(kept.length / AT_ONCE));
    state.page = Math.min(Math.max(0, state.page), pages - 1);
    const from = state.page * AT_ONCE;
    const part = kept.slice(from, from + AT_ONCE);
    byId("rows").replaceChildren(...part.map(change));
    const all = data.total > data.rows.length ? "that are in this page" : "changes";
    byId("count").textContent = !kept.length ? "No change fits the filter."
      : `${number(from + 1)}–${number(from + part.length)} of ${number(kept.length)} ${kept.length === data.rows.length ? all : "that fit the filter"}`;
    byId("pager").hidden = pages < 2;
    byId("pages").textContent = `${number(state.page + 1)} of ${number(pages)}`;
    byId("previous").disabled = state.page === 0;
    byId("next").disabled = state.page === pages - 1;
  };

  const filter = () => {
    const form = byId("filters");
    const operations = new Set([...form.querySelectorAll("[name=op]:checked")].map((box) => Number(box.value)));
    const target = byId("target") ? byId("target").value : "*";
    const field = byId("field").value;
    const words = byId("text").value.toLowerCase().split(/\s+/).filter(Boolean);
    state.kept = data.rows.filter((row) => operations.has(row[1])
      && (target === "*" || row[0] === Number(target))
      && (field === "*" || row[11].some(([path]) => "f" + fieldOf(path) === field))
      && words.every((word) => hay(row).includes(word)));
    state.page = 0;
    draw();
  };

  const startChanges = () => {
    const form = byId("filters");
    if (!form) return;
    const counts = new Map();
    for (const row of data.rows) {
      for (const name of new Set(row[11].map(([path]) => fieldOf(path)))) {
        if (!name.startsWith("… and ")) counts.set(name, (counts.get(name) || 0) + 1);
      }
    }
    const order = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 300);
    byId("field").append(...order.map(([name, many]) =>
      el("option", { value: "f" + name }, `${shown(name.slice(0, 60)) || "payload"} (${number(many)})`)));
    byId("field").closest("label").hidden = !order.length;
    let waiting = 0;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", (event) => { if (event.target !== byId("text")) filter(); });
    form.addEventListener("reset", () => { clearTimeout(waiting); setTimeout(filter, 0); });
    byId("text").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); });
    byId("previous").addEventListener("click", () => { state.page -= 1; draw(); goTo(byId("count")); });
    byId("next").addEventListener("click", () => { state.page += 1; draw(); goTo(byId("count")); });
    form.hidden = false;
    draw();
  };

  startTheme();
  startChanges();
  document.documentElement.classList.add("ready");
})();
