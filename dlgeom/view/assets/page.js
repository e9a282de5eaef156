"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const { items, labels, codes } = data;
  const SVG = "http://www.w3.org/2000/svg";
  const PAGE = 60; // cards that are added at once
  const shards = new Map();
  const waiting = new Map();
  const off = new Set(); // labels that are switched off
  const wanted = new Set(); // kinds of loss that are asked for
  let shown = []; // indices of the items that the filters leave
  let laid = 0; // how many of them have a card
  let open = -1; // the item in the viewer
  let view = { x: 0, y: 0, scale: 1 };
  let film = null; // the video in the viewer: when its frames are shown
  let frame = 0; // the frame that is on the screen

  const make = (tag, props = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...children);
    return node;
  };
  const draw = (tag, attributes) => {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const count = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
  const number = (x) => (Number.isInteger(x) ? x.toLocaleString("en") : String(+x.toPrecision(4)));

  // ---- items: their annotations lie in shards, in the page or in files beside it

  window.dlgeomShard = (index, content) => {
    shards.set(index, content);
    (waiting.get(index) || []).forEach((tell) => tell(content));
    waiting.delete(index);
  };

  function shard(index) {
    if (shards.has(index)) return Promise.resolve(shards.get(index));
    const inside = $(`shard-${index}`);
    if (inside) {
      shards.set(index, JSON.parse(inside.textContent));
      return Promise.resolve(shards.get(index));
    }
    return new Promise((tell) => {
      if (waiting.has(index)) return waiting.get(index).push(tell);
      waiting.set(index, [tell]);
      const script = make("script", { src: `${data.folder}/items-${index}.js` });
      script.onerror = () => window.dlgeomShard(index, []);
      document.head.append(script);
    });
  }

  const content = async (index) =>
    (await shard(Math.floor(index / data.shard)))[index % data.shard] || { a: [] };

  // ---- filters

  const least = () => Number($("score").value);
  const visible = (a) => !off.has(a.l) && (a.s == null || a.s >= least());

  function matches(item) {
    const text = $("search").value.trim().toLowerCase();
    if (text && !item.n.toLowerCase().includes(text)) return false;
    if (wanted.size && !item.c.some((code) => wanted.has(code))) return false;
    if (!item.f.length) return $("empty").checked;
    return item.f.some(([label, best]) => !off.has(label) && (best == null || best >= least()));
  }

  function filter() {
    shown = [];
    items.forEach((item, index) => { if (matches(item)) shown.push(index); });
    $("shown").textContent = `${count(shown.length, "image")} of ${items.length.toLocaleString("en")}`;
    $("grid").replaceChildren();
    laid = 0;
    lay();
  }

  // Adds cards until there are more than the window shows: without a scroll bar nothing asks for more.
  function lay() {
    const grid = $("grid");
    do {
      for (const index of shown.slice(laid, laid + PAGE)) grid.append(card(index));
      laid = Math.min(laid + PAGE, shown.length);
    } while (laid < shown.length && nearEnd());
  }
  function nearEnd() {
    const grid = $("grid");
    return grid.clientHeight > 0 && grid.scrollTop + grid.clientHeight > grid.scrollHeight - 600;
  }

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      fillCard(entry.target);
    }
  }, { root: $("grid"), rootMargin: "300px" });

  function card(index) {
    const item = items[index];
    const n = item.f.reduce((sum, entry) => sum + entry[2], 0);
    const node = make("button", { className: "card", title: item.n },
      make("span", { className: "thumb" }),
      make("span", { className: "caption" }, item.n, make("small", {}, count(n, "annotation"))));
    node.dataset.index = index;
    node.onclick = () => show(index);
    seen.observe(node);
    return node;
  }

  async function fillCard(node) {
    const index = Number(node.dataset.index);
    const item = items[index];
    const more = await content(index);
    const frame = make("span", { className: "frame" });
    if (more.t || more.i) {
      frame.append(make("img", { src: more.t || more.i, alt: "", loading: "lazy" }));
    } else if (item.w && item.h) {
      const scale = Math.min(168 / item.w, 130 / item.h);
      const blank = make("span", { className: "blank" });
      blank.style.width = `${item.w * scale}px`;
      blank.style.height = `${item.h * scale}px`;
      frame.append(blank);
    }
    if (item.w && item.h) {
      const overlay = draw("svg", { viewBox: `0 0 ${item.w} ${item.h}`, preserveAspectRatio: "none" });
      more.a.filter(visible).forEach((a) => overlay.append(shape(a)));
      frame.append(overlay);
    }
    node.querySelector(".thumb").replaceChildren(frame);
  }

  // ---- shapes

  const color = (a) => (a.l >= 0 ? labels[a.l].color : "#888888");

  function shape(a) {
    const group = draw("g", { stroke: color(a), fill: color(a), "fill-opacity": $("fill").value });
    const look = { class: `shape${a.w ? " crowd" : ""}` };
    for (const [kind, ...v] of drawn(a) || []) {
      if (kind === "r") {
        group.append(draw("rect", { ...look, x: v[0], y: v[1], width: v[2], height: v[3] }));
      } else if (kind === "p") {
        group.append(draw("path", { ...look, d: v[0] }));
      } else if (kind === "l") {
        group.append(draw("path", { ...look, d: v[0], fill: "none" }));
      } else if (kind === "e") {
        group.append(draw("ellipse", { ...look, cx: v[0], cy: v[1], rx: v[2], ry: v[3],
          transform: `rotate(${v[4]} ${v[0]} ${v[1]})` }));
      } else {
        // A line of no length is a dot whose size does not grow with the picture.
        const point = { d: `M${v[0]} ${v[1]}h0`, fill: "none", "stroke-linecap": "round" };
        group.append(draw("path", { ...point, class: "shape dot" }));
        if (v[2] === 1) group.append(draw("path", { ...point, class: "shape dot hidden" }));
      }
    }
    return group;
  }

  // ---- videos: the frame on the screen, and where things are in it

  // A time made from a frame number may lie a little before the frame.
  function frameAt(seconds) {
    if (film.times) {
      let low = 0, high = film.times.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (film.times[middle] <= seconds * 1000 + 0.5) low = middle; else high = middle - 1;
      }
      return low;
    }
    return Math.max(0, Math.floor(seconds * film.fps + Math.min(0.49, film.fps / 2000)));
  }
  // The middle of a frame: rounding cannot lead to its neighbours.
  function timeOf(number) {
    if (!film.times) return (number + 0.5) / film.fps;
    const next = film.times[number + 1] === undefined ? film.times[number] + 10 : film.times[number + 1];
    return (film.times[number] + next) / 2000;
  }

  const NUMBER = /-?\d+(?:\.\d+)?/g;
  function mix(a, b, t) {
    if (typeof a === "number") return a + (b - a) * t;
    const other = b.match(NUMBER).map(Number);
    let place = 0;
    return a.replace(NUMBER, (text) => { const v = Number(text); return String(v + (other[place++] - v) * t); });
  }
  function between(a, b, t) {
    return a.map((one, k) => (b[k] && b[k][0] === one[0]
      ? one.map((v, j) => (j === 0 || (one[0] === "c" && j > 2) ? v : mix(v, b[k][j], t))) : one));
  }

  // What is drawn of an annotation in a frame; null where it is not seen.
  function drawn(a) {
    if (!film || !a.v) return a.g;
    const states = a.v.k;
    if (frame < states[0][0] || frame > a.v.e) return null;
    let low = 0, high = states.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (states[middle][0] <= frame) low = middle; else high = middle - 1;
    }
    const [start, seen, shapes] = states[low];
    if (!seen) return null;
    const next = states[low + 1];
    if (!a.v.m || !next || !next[1] || start === frame) return shapes;
    return between(shapes, next[2], (frame - start) / (next[0] - start));
  }

  function showFrame(number) {
    if (number === frame) return;
    frame = number;
    $("time").value = String(number);
    $("frame").textContent = `frame ${number} of ${film.frames || "?"}`;
    again();
  }
  function watch() {
    const video = $("film");
    const tick = () => { if (film) showFrame(frameAt(video.currentTime)); };
    if (video.requestVideoFrameCallback) {
      // The time of the very picture that is on the screen.
      const step = (_, facts) => {
        if (film) showFrame(frameAt(facts.mediaTime));
        video.requestVideoFrameCallback(step);
      };
      video.requestVideoFrameCallback(step);
    } else {
      video.ontimeupdate = tick;
    }
    video.onseeked = tick;
    video.onplay = video.onpause = () => { $("play").textContent = video.paused ? "\u25b6" : "\u23f8"; };
  }
  function seek(number) {
    const last = Math.max(0, (film.frames || 1) - 1);
    const wanted = Math.min(Math.max(number, 0), last);
    const video = $("film");
    video.pause();
    if (video.src) video.currentTime = timeOf(wanted);
    else showFrame(wanted);
  }

  // ---- one image

  async function show(index) {
    open = index;
    const item = items[index];
    const more = await content(index);
    if (open !== index) return;
    $("viewer").hidden = false;
    $("name").textContent = item.n;
    $("size").textContent = item.w && item.h ? `${item.w} × ${item.h}` : "size unknown";
    const width = item.w || 1000, height = item.h || 1000;
    Object.assign($("sheet").style, { width: `${width}px`, height: `${height}px` });
    const picture = $("picture"), video = $("film");
    picture.removeAttribute("src");
    video.pause();
    video.removeAttribute("src");
    film = item.m ? more.f : null;
    frame = 0;
    picture.hidden = Boolean(film);
    video.hidden = $("player").hidden = !film;
    if (film) {
      if (more.i) video.src = more.i;
      const ends = more.a.map((a) => (a.v ? a.v.e : 0));
      if (!film.frames) film.frames = Math.max(0, ...ends) + 1;
      $("time").max = String(film.frames - 1);
      $("time").value = "0";
      $("frame").textContent = `frame 0 of ${film.frames}`;
    } else if (more.i) picture.src = more.i;
    $("overlay").setAttribute("viewBox", `0 0 ${width} ${height}`);
    overlay(more);
    fit();
    try { history.replaceState(null, "", `#${index}`); } catch (error) { /* a page without address */ }
  }

  // Where the name of an annotation stands.
  function corner(a) {
    if (!film || !a.v) return a.b;
    const first = (drawn(a) || [])[0];
    if (!first) return null;
    if (first[0] === "p" || first[0] === "l") return first[1].match(NUMBER).slice(0, 2).map(Number);
    return first.slice(1, 3);
  }

  function overlay(more) {
    const svg = $("overlay");
    svg.replaceChildren();
    const list = $("list");
    list.replaceChildren();
    const texts = $("texts").checked;
    more.a.forEach((a, k) => {
      const name = a.l >= 0 ? labels[a.l].name : (a.d || a.k).slice(0, 120);
      const on = visible(a) && drawn(a) !== null;
      const row = make("li", { className: on ? "" : "off" });
      const swatch = make("span", { className: "swatch" });
      swatch.style.background = color(a);
      row.append(swatch, name, make("small", {}, a.s == null ? a.k : `${a.k} ${number(a.s)}`));
      list.append(row);
      row.onmousemove = (event) => tell(a, event);
      row.onmouseleave = untell;
      if (!on) return;
      const group = shape(a);
      group.dataset.k = k;
      group.classList.add("area");
      const mark = (yes) => {
        group.querySelectorAll(".shape").forEach((node) => node.classList.toggle("on", yes));
        row.classList.toggle("on", yes);
      };
      group.onmousemove = (event) => { mark(true); tell(a, event); };
      group.onmouseleave = () => { mark(false); untell(); };
      row.onmouseenter = () => mark(true);
      row.onmouseleave = () => { mark(false); untell(); };
      svg.append(group);
      const place = corner(a);
      if (texts && place && a.l >= 0) {
        const tag = draw("text", { class: "tag", x: place[0], y: place[1] });
        tag.textContent = a.s == null ? name : `${name} ${number(a.s)}`;
        svg.append(tag);
      }
    });
    sizeTags();
  }

  function sizeTags() {
    const size = 13 / view.scale;
    document.querySelectorAll("#overlay .tag").forEach((tag) => {
      tag.setAttribute("font-size", size);
      tag.setAttribute("stroke-width", 3 / view.scale);
      tag.setAttribute("dy", Number(tag.getAttribute("y")) < size ? size : -3 / view.scale);
    });
  }

  function tell(a, event) {
    const tip = $("tip");
    const facts = make("dl");
    const add = (name, value) => facts.append(make("dt", {}, name), make("dd", {}, value));
    for (const [name, value] of Object.entries(a.x || {})) add(name, value);
    if (a.s != null) add("score", number(a.s));
    if (a.w) add("crowd", "yes");
    if (a.d) add("description", a.d);
    add("from", a.o);
    for (const code of a.c || []) add(codes[code].status, `${codes[code].code}: ${codes[code].message}`);
    tip.replaceChildren(make("strong", {}, a.l >= 0 ? labels[a.l].name : a.k), ` ${a.l >= 0 ? a.k : ""}`, facts);
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(0, Math.min(event.clientX + 14, innerWidth - box.width - 4))}px`;
    tip.style.top = `${Math.max(0, Math.min(event.clientY + 14, innerHeight - box.height - 4))}px`;
  }
  const untell = () => { $("tip").hidden = true; };

  // ---- zoom and pan

  function place() {
    $("sheet").style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
    $("overlay").style.setProperty("--unit", 1 / view.scale);
    $("sheet").classList.toggle("near", view.scale > 3);
    $("zoom").textContent = `${Math.round(view.scale * 100)} %`;
    sizeTags();
  }

  function fit() {
    const room = $("stage").getBoundingClientRect();
    const width = parseFloat($("sheet").style.width), height = parseFloat($("sheet").style.height);
    const scale = Math.min(room.width / width, room.height / height) * 0.98;
    view = { scale, x: (room.width - width * scale) / 2, y: (room.height - height * scale) / 2 };
    place();
  }

  function zoom(factor, x, y) {
    const scale = Math.min(Math.max(view.scale * factor, 0.001), 200);
    const by = scale / view.scale;
    view = { scale, x: x - (x - view.x) * by, y: y - (y - view.y) * by };
    place();
  }
  const middle = (factor) => {
    const room = $("stage").getBoundingClientRect();
    zoom(factor, room.width / 2, room.height / 2);
  };

  function pan() {
    const stage = $("stage");
    stage.onwheel = (event) => {
      event.preventDefault();
      const room = stage.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 400), event.clientX - room.left, event.clientY - room.top);
    };
    stage.onpointerdown = (event) => {
      if (event.button !== 0) return;
      stage.setPointerCapture(event.pointerId);
      stage.classList.add("dragging");
      let { clientX, clientY } = event;
      stage.onpointermove = (move) => {
        view.x += move.clientX - clientX;
        view.y += move.clientY - clientY;
        ({ clientX, clientY } = move);
        place();
      };
      stage.onpointerup = stage.onpointercancel = () => {
        stage.classList.remove("dragging");
        stage.onpointermove = null;
      };
    };
  }

  const toggle = () => { const video = $("film"); if (video.paused) video.play(); else video.pause(); };
  const step = (by) => {
    const at = shown.indexOf(open);
    const next = at < 0 ? shown[0] : shown[at + by];
    if (next !== undefined) show(next);
  };
  const shut = () => {
    $("viewer").hidden = true;
    open = -1;
    film = null;
    $("film").pause();
    untell();
    try { history.replaceState(null, "", "#"); } catch (error) { /* a page without address */ }
  };
  const again = async () => { if (open >= 0) overlay(await content(open)); };

  // ---- charts

  function histogram(found, meaning) {
    const width = 400, height = 180, bottom = 20, left = 6;
    const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
    const most = Math.max(1, ...found.counts);
    const wide = (width - 2 * left) / found.counts.length;
    found.counts.forEach((n, k) => {
      const tall = ((height - bottom - 4) * n) / most;
      const bar = draw("rect", { x: left + k * wide, width: Math.max(wide - 1, 0.5),
        y: height - bottom - tall, height: tall });
      const title = draw("title", {});
      title.textContent = `${number(found.edges[k])} to ${number(found.edges[k + 1])}: ${n}`;
      bar.append(title);
      svg.append(bar);
    });
    [[left, found.edges[0], "start"], [width / 2, found.edges[Math.floor(found.edges.length / 2)], "middle"],
      [width - left, found.edges[found.edges.length - 1], "end"]].forEach(([x, value, anchor]) => {
      const text = draw("text", { x, y: height - 5, "text-anchor": anchor });
      text.textContent = number(value);
      svg.append(text);
    });
    const median = `median ${number(found.median)}, ${count(found.count, "value")}`;
    return make("figure", {}, make("figcaption", {}, `${meaning} (${median})`), svg);
  }

  function charts() {
    const { stats } = data;
    const bars = make("div", { className: "bars" });
    const most = Math.max(1, ...stats.labels.map((entry) => entry.annotations));
    [...stats.labels].sort((a, b) => b.annotations - a.annotations).forEach((entry) => {
      const bar = make("i");
      bar.style.width = `${(70 * entry.annotations) / most}%`;
      bars.append(make("span", {}, entry.name == null ? "(none)" : entry.name),
        make("div", {}, bar, entry.annotations.toLocaleString("en")));
    });
    const pick = make("select", { id: "chart-label" }, make("option", { value: "-1" }, "all labels"));
    stats.labels.forEach((entry, k) => {
      if (Object.keys(entry.measures).length) {
        pick.append(make("option", { value: String(k) }, entry.name == null ? "(none)" : entry.name));
      }
    });
    const plots = make("div", { className: "plots" });
    const lay = () => {
      const k = Number(pick.value);
      const found = k < 0 ? stats.measures : stats.labels[k].measures;
      plots.replaceChildren(...Object.entries(found).map(([name, one]) => histogram(one, stats.meanings[name])));
      if (k < 0 && stats.annotations_per_image) {
        plots.prepend(histogram(stats.annotations_per_image, "annotations of an image"));
      }
    };
    pick.onchange = lay;
    lay();
    $("charts").append(make("figure", {}, make("figcaption", {}, "annotations by label"), bars),
      make("div", { className: "pick" }, make("label", {}, "distributions of ", pick)), plots);
  }

  function report() {
    const rows = data.report;
    if (!rows.length) {
      $("report").append(make("p", {}, "Nothing was wrong with the data set, and nothing was lost."));
      return;
    }
    const body = make("tbody");
    rows.forEach((row) => body.append(make("tr", {}, make("td", {}, row.status), make("td", {}, row.code),
      make("td", { className: "number" }, row.count.toLocaleString("en")),
      make("td", {}, row.message, ...(row.example ? [make("br"), make("small", {}, row.example)] : [])))));
    $("report").append(make("table", {}, make("thead", {}, make("tr", {},
      ...["status", "code", "count", "what"].map((text) => make("th", {}, text)))), body));
  }

  // ---- start

  function check(box, text, extra, change) {
    const input = make("input", { type: "checkbox", checked: box });
    input.onchange = () => { change(input.checked); filter(); again(); };
    return make("label", { className: "check" }, input, ...extra, text);
  }

  function start() {
    document.title = data.title;
    $("title").textContent = data.title;
    $("facts").textContent = data.facts;
    labels.forEach((label, k) => {
      if (!label.count) return;
      const swatch = make("span", { className: "swatch" });
      swatch.style.background = label.color;
      const row = check(true, label.name, [swatch], (on) => { if (on) off.delete(k); else off.add(k); });
      row.append(make("span", { className: "count" }, label.count.toLocaleString("en")));
      row.title = label.name;
      row.dataset.label = k;
      $("labels").append(row);
    });
    const every = (on) => {
      labels.forEach((label, k) => { if (on) off.delete(k); else off.add(k); });
      $("labels").querySelectorAll("input").forEach((input) => { input.checked = on; });
      filter();
      again();
    };
    $("all").onclick = () => every(true);
    $("none").onclick = () => every(false);
    const used = new Set(items.flatMap((item) => item.c));
    $("losses-field").hidden = !used.size;
    codes.forEach((code, k) => {
      if (!used.has(k)) return;
      const row = check(false, `${code.status} ${code.code}`, [], (on) => { if (on) wanted.add(k); else wanted.delete(k); });
      row.title = code.message;
      row.dataset.code = code.code;
      $("losses").append(row);
    });
    $("score-field").hidden = !data.scores;
    if (data.scores) $("score").max = String(Math.max(1, data.scores));
    $("score").oninput = () => { $("score-shown").textContent = $("score").value; filter(); again(); };
    $("search").oninput = filter;
    $("empty").onchange = filter;
    const more = () => { if (laid < shown.length && nearEnd()) lay(); };
    $("grid").onscroll = more;
    document.querySelectorAll("[data-tab]").forEach((tab) => {
      tab.onclick = () => {
        document.querySelectorAll("[data-tab]").forEach((other) => {
          other.setAttribute("aria-selected", String(other === tab));
          $(other.dataset.tab).hidden = other !== tab;
        });
        more();
      };
    });
    $("previous").onclick = () => step(-1);
    $("next").onclick = () => step(1);
    $("close").onclick = shut;
    $("in").onclick = () => middle(1.25);
    $("out").onclick = () => middle(0.8);
    $("fit").onclick = fit;
    $("fill").oninput = again;
    $("texts").onchange = again;
    $("back").onclick = () => seek(frame - 1);
    $("on").onclick = () => seek(frame + 1);
    $("play").onclick = toggle;
    $("time").oninput = () => seek(Number($("time").value));
    watch();
    pan();
    window.onresize = () => { if (open >= 0) fit(); more(); };
    document.onkeydown = (event) => {
      if (open < 0 || ["search", "range"].includes(event.target.type)) return;
      const act = { Escape: shut, ArrowLeft: () => step(-1), ArrowRight: () => step(1), "+": () => middle(1.25),
        "=": () => middle(1.25), "-": () => middle(0.8), 0: fit,
        ...(film ? { ",": () => seek(frame - 1), ".": () => seek(frame + 1), " ": toggle } : {}) }[event.key];
      if (act) { event.preventDefault(); act(); }
    };
    charts();
    report();
    filter();
    const asked = parseInt(location.hash.slice(1), 10);
    if (asked >= 0 && asked < items.length) show(asked);
  }
  start();
})();
