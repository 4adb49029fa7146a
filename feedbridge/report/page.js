/* Every text of the feed is set as text, never as markup; pictures are fetched only after "Show pictures". */
(() => {
  const RANK = { error: 0, warning: 1, advice: 2 };

  /* Line breaks stay where text is shown in lines. */
  const lines = (text) => text.replace(STEERING, (char) => (char === "\n" || char === "\t" ? char : spell(char)));

  /* ---- findings */
  const findings = data.findings.map((cells) => {
    const one = {};
    data.columns.forEach((name, at) => { one[name] = name === "line" ? cells[at] : data.texts[cells[at]]; });
    one.place = one.file + (one.line ? ":" + one.line : "") + (one.pointer ? "#" + one.pointer : "");
    return one;
  });
  const hay = (one) => (one.hay ??= [one.code, one.message, one.mend, one.place, one.column, one.sku, one.field, one.value, one.platform]
    .join("\n").toLowerCase());
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const state = { sort: "", down: false, page: 0, kept: findings };

  const row = (one) => {
    const cell = (name, label, ...children) => el("td", { role: "cell", class: "col-" + name, "data-label": label }, ...children);
    const text = (value) => el("bdi", null, shown(value));
    return el("tr", { role: "row" },
      cell("severity", "Severity", el("span", { class: "severity " + one.severity }, one.severity)),
      cell("code", "Code", el("code", null, shown(one.code)),
        one.platform && el("p", { class: "muted" }, shown(data.platforms[one.platform] || one.platform))),
      cell("place", "Place", text(one.place), one.column && el("p", { class: "muted" }, text(one.column))),
      cell("sku", "SKU", text(one.sku)),
      cell("field", "Field", el("code", null, shown(one.line || one.pointer ? one.field : ""))),
      cell("value", "Value", text(one.value)),
      cell("message", "Problem and remedy", el("p", null, text(one.message)), one.mend && el("p", { class: "mend" }, "Remedy: ", text(one.mend))));
  };

  const compare = (name) => (a, b) => {
    if (name === "severity") return (RANK[a.severity] ?? 9) - (RANK[b.severity] ?? 9);
    if (name === "place") return collator.compare(a.file, b.file) || a.line - b.line || collator.compare(a.place, b.place) || collator.compare(a.column, b.column);
    if (!a[name] !== !b[name]) return a[name] ? -1 : 1;
    return collator.compare(a[name], b[name]);
  };

  const draw = () => {
    const kept = state.kept;
    const pages = Math.max(1, Math.ceil(kept.length / AT_ONCE));
    state.page = Math.min(Math.max(0, state.page), pages - 1);
    const from = state.page * AT_ONCE;
    const part = kept.slice(from, from + AT_ONCE);
    byId("rows").replaceChildren(...part.map(row));
    const all = data.total > findings.length ? "that are in this page" : "findings";
    byId("count").textContent = !kept.length ? "No finding fits the filter."
      : `${number(from + 1)}–${number(from + part.length)} of ${number(kept.length)} ${kept.length === findings.length ? all : "that fit the filter"}`;
    byId("pager").hidden = pages < 2;
    byId("pages").textContent = `${number(state.page + 1)} of ${number(pages)}`;
    byId("previous").disabled = state.page === 0;
    byId("next").disabled = state.page === pages - 1;
    for (const head of document.querySelectorAll("th[data-sort]")) {
      const on = head.dataset.sort === state.sort;
      head.setAttribute("aria-sort", on ? (state.down ? "descending" : "ascending") : "none");
    }
  };

  const filter = () => {
    const form = byId("filters");
    const severities = new Set([...form.querySelectorAll("[name=severity]:checked")].map((box) => box.value));
    const offered = new Set([...form.querySelectorAll("[name=severity]")].map((box) => box.value));
    const platform = byId("platform") ? byId("platform").value : "*";
    const code = byId("code") ? byId("code").value : "*";
    const words = byId("text").value.toLowerCase().split(/\s+/).filter(Boolean);
    state.kept = findings.filter((one) =>
      (severities.has(one.severity) || !offered.has(one.severity))
      && (platform === "*" || one.platform === platform)
      && (code === "*" || one.code === code)
      && words.every((word) => hay(one).includes(word)));
    if (state.sort) {
      const by = compare(state.sort);
      const turn = state.down ? -1 : 1;
      state.kept = state.kept.map((one, at) => [one, at]).sort((a, b) => turn * by(a[0], b[0]) || a[1] - b[1]).map(([one]) => one);
    }
    state.page = 0;
    draw();
  };

  const startFindings = () => {
    const form = byId("filters");
    if (!form) return;
    for (const head of document.querySelectorAll("th[data-sort]")) {
      const button = el("button", { type: "button" }, head.textContent);
      button.addEventListener("click", () => {
        if (state.sort !== head.dataset.sort) { state.sort = head.dataset.sort; state.down = false; }
        else if (!state.down) state.down = true;
        else { state.sort = ""; state.down = false; }
        filter();
      });
      head.replaceChildren(button);
    }
    let waiting = 0;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", (event) => { if (event.target !== byId("text")) filter(); });
    form.addEventListener("reset", () => { clearTimeout(waiting); setTimeout(filter, 0); });
    byId("text").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); });
    byId("previous").addEventListener("click", () => { state.page -= 1; draw(); goTo(byId("one-by-one")); });
    byId("next").addEventListener("click", () => { state.page += 1; draw(); goTo(byId("one-by-one")); });
    for (const code of document.querySelectorAll("code[data-code]")) {
      const button = el("button", { type: "button", class: "link", "data-code": code.dataset.code });
      code.replaceWith(button);
      button.append(code, el("span", { class: "unseen" }, ": show its findings"));
    }
    for (const button of document.querySelectorAll("button[data-code], button[data-severity]")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        form.reset();
        if (button.dataset.code && byId("code")) byId("code").value = button.dataset.code;
        if (button.dataset.severity) {
          for (const box of form.querySelectorAll("[name=severity]")) box.checked = box.value === button.dataset.severity;
        }
        filter();
        goTo(byId("one-by-one"));
      });
    }
    form.hidden = false;
    filter();
  };

  /* ---- samples */
  const STATES = { written: "written", excluded: "left out", held: "held back" };
  let pictures = false;

  /* http, https, or a path below this page: anything else in the feed is shown as text only. */
  const address = (src) => {
    if (!src || /[\x00-\x20\x7f\\\ud800-\udfff]/u.test(src)) return null;
    if (/^https?:\/\//i.test(src)) return URL.canParse(src) ? src : null;
    if (/^[a-z][a-z0-9+.-]*:/i.test(src) || src.startsWith("/") || src.split("/").includes("..")) return null;
    return "./" + src.split("/").map(encodeURIComponent).join("/");
  };

  const picture = (src, alt) => {
    const from = address(src);
    const figure = el("figure", { class: "picture" }, el("figcaption", null, el("bdi", null, shown(src))));
    if (!pictures) return figure;
    const refuse = (why) => figure.prepend(el("p", { class: "muted" }, why));
    if (!from) { refuse("not a web address"); return figure; }
    const img = el("img", { loading: "lazy", decoding: "async", referrerpolicy: "no-referrer", alt: shown(alt) });
    img.addEventListener("error", () => { img.remove(); refuse("did not load"); });
    img.src = from;
    figure.prepend(img);
    return figure;
  };

  const box = (label, ...children) => el("div", { class: "scroll boxed", tabindex: "0", role: "region", "aria-label": label }, ...children);
  const pair = (key, value, beside) => el("div", null,
    el("dt", null, el("bdi", null, shown(key)), beside && el("span", { class: "muted" }, " " + beside)),
    el("dd", null, value ? el("bdi", null, lines(value)) : el("span", { class: "muted" }, "empty")));

  const gallery = (one, title) => el("div", { class: "pictures" }, ...one.images.map((src) => picture(src, title)));

  const onPlatform = (one, sample) => {
    const name = data.platforms[one.name] || one.name;
    return el("section", { class: "on-platform" },
      el("h5", null, shown(name), el("span", { class: "state state-" + one.state }, STATES[one.state] || one.state)),
      one.images.length ? gallery(one, sample.title || sample.sku) : null,
      one.findings.length ? el("ul", { class: "said" }, ...one.findings.map((text) => el("li", null, el("bdi", null, shown(text))))) : null,
      one.payload_text ? box(`Payload for ${name}`, el("pre", null, el("code", null, lines(one.payload_text)))) : null,
      one.payload_cut ? el("p", { class: "muted" }, `${number(one.payload_cut)} more characters are in the written file.`) : null);
  };

  const inside = (sample) => {
    const cells = sample.source.map((cell) => pair(cell.column, cell.value, cell.line ? "line " + cell.line : ""));
    const fields = sample.canonical.map(([field, value]) => pair(field, value, ""));
    return el("div", { class: "journey" },
      el("div", null, el("h4", null, "Before: the source"), box("Cells of the source", el("dl", { class: "cells" }, ...cells)),
        sample.cells_cut ? el("p", { class: "muted" }, `${number(sample.cells_cut)} more cells are in the source.`) : null),
      fields.length ? el("div", null, el("h4", null, "Understood as"), box("Fields of the product", el("dl", { class: "cells" }, ...fields))) : null,
      el("div", { class: "after" }, el("h4", null, "After: each platform"), ...sample.platforms.map((one) => onPlatform(one, sample))));
  };

  const startSamples = () => {
    const place = byId("products");
    if (!place) return;
    const all = data.samples.map((sample, at) => {
      const states = sample.platforms.map((one) => el("span", { class: "state state-" + one.state },
        `${shown(data.platforms[one.name] || one.name)} ${STATES[one.state] || one.state}`));
      const details = el("details", { class: "sample" }, el("summary", null,
        el("span", { class: "what" }, el("h3", { class: "title" }, el("bdi", null, shown(sample.title || sample.sku))),
          el("span", { class: "muted" }, el("bdi", null, shown(sample.sku)), " · ",
            el("bdi", null, shown(sample.file) + (sample.line ? ":" + sample.line : "")))),
        el("span", { class: "states" }, ...states)));
      const fill = () => {
        details.querySelector(".journey")?.remove();
        details.append(inside(sample));
      };
      details.addEventListener("toggle", () => { if (details.open && !details.querySelector(".journey")) fill(); });
      if (at === 0) { fill(); details.open = true; }
      return { details, sample };
    });
    place.append(...all.map((one) => one.details));
    const button = byId("pictures");
    if (!button) return;
    byId("ask").hidden = false;
    button.addEventListener("click", () => {
      pictures = !pictures;
      button.setAttribute("aria-pressed", String(pictures));
      button.textContent = pictures ? "Hide pictures" : "Show pictures";
      for (const { details, sample } of all) {
        details.querySelectorAll(".on-platform").forEach((part, at) => {
          const old = part.querySelector(".pictures");
          if (old) old.replaceWith(gallery(sample.platforms[at], sample.title || sample.sku));
        });
      }
    });
  };

  startTheme();
  startFindings();
  startSamples();
  document.documentElement.classList.add("ready");
})();
