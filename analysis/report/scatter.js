// Quality against cost, with the points that no other point beats.
const HEIGHT = 420, LEFT = 74, RIGHT = 24, TOP = 18, BOTTOM = 52;
let WIDTH = 900;

// As wide as its box, so that letters keep their size on a phone.
function canvasIn(box, label) {
  WIDTH = Math.min(1100, Math.max(320, box.clientWidth - 14));
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  return svg;
}

function startScatter() {
  const box = byId("scatter");
  if (!box) return;
  const quality = content.axes.filter((axis) => axis.kind === "quality");
  fill(byId("scatter-y"), quality.map((axis) => [axis.name, axis.text]));
  fill(byId("scatter-x"), content.axes.map((axis) => [axis.name, axis.text]));
  const paint = () => drawScatter(box, axisOf("scatter-x"), axisOf("scatter-y"));
  for (const id of ["scatter-x", "scatter-y"]) byId(id).addEventListener("change", paint);
  whenChosen((job) => {
    for (const dot of box.querySelectorAll(".dot")) dot.classList.toggle("chosen", Number(dot.dataset.job) === job);
  });
  whenResized(paint);
  paint();
}

function axisOf(id) {
  return content.axes.find((axis) => axis.name === byId(id).value);
}

// A point is beaten by one that is at least as good in both and better in one.
function front(points, across, up) {
  const best = new Set();
  if (!across.better || !up.better) return best;
  const x = (p) => across.better * p.x, y = (p) => up.better * p.y;
  let last = null;
  for (const p of [...points].sort((a, b) => x(b) - x(a) || y(b) - y(a))) {
    if (last && !(y(p) > y(last)) && !(y(p) === y(last) && x(p) === x(last))) continue;
    best.add(p.row.job);
    last = p;
  }
  return best;
}

function drawScatter(box, across, up) {
  const points = content.rows
    .filter((row) => row.ok && row.values[across.name] !== null && row.values[up.name] !== null)
    .map((row) => ({ row, x: row.values[across.name], y: row.values[up.name] }));
  const svg = canvasIn(box, `${up.text} against ${across.text}`);
  box.replaceChildren(svg);
  if (!points.length) {
    draw(svg, "text", { x: WIDTH / 2, y: HEIGHT / 2, "text-anchor": "middle" }, "no point has both numbers");
    return;
  }
  // The PSNR of identical videos is the cap; on scale it would squash all others.
  const capped = up.cap !== null && points.some((p) => p.y < up.cap);
  const onScale = points.filter((p) => !(capped && p.y >= up.cap));
  const ends = (p) => p.row.ends && p.row.ends[across.name];
  const [x, y] = [scale(points.flatMap((p) => [p.x, ...(ends(p) || [])]), LEFT, WIDTH - RIGHT),
    scale(onScale.map((p) => p.y), HEIGHT - BOTTOM, TOP + (capped ? 26 : 0))];
  drawAxes(svg, x, y, across.text, up.text);
  const best = front(points, across, up);
  const line = onScale.filter((p) => best.has(p.row.job)).sort((a, b) => a.x - b.x);
  draw(svg, "path", { class: "front", d: line.map((p, i) => `${i ? "L" : "M"}${x.at(p.x)} ${y.at(p.y)}`).join("") });
  for (const p of points) {
    const above = capped && p.y >= up.cap;
    const place = { cx: x.at(p.x), cy: above ? TOP + 4 : y.at(p.y) };
    const classes = ["dot", best.has(p.row.job) ? "best" : "", p.row.job === state.job ? "chosen" : "", p.row.fault ? "fault" : ""];
    const dot = draw(svg, "circle", { ...place, r: 6, class: classes.join(" "), "data-job": p.row.job, tabindex: 0 });
    if (ends(p)) drawEnds(svg, ...ends(p).map(x.at), place.cy, p.row.job);
    dot.setAttribute("aria-label", p.row.label);
    dot.addEventListener("pointermove", (event) => tip(pointText(p.row, above), event));
    dot.addEventListener("pointerleave", untip);
    dot.addEventListener("click", (event) => { choose(p.row.job); tip(pointText(p.row, above), event); });
    dot.addEventListener("keydown", (event) => { if (event.key === "Enter") choose(p.row.job); });
  }
  if (points.length <= 12) nameDots(svg, onScale, x, y, ends);
  if (capped && onScale.length < points.length) {
    draw(svg, "text", { x: WIDTH - RIGHT, y: TOP + 8, "text-anchor": "end" }, `▲ top edge: identical (${up.cap} dB)`);
  }
}

// The interval, over its dot: mostly it is narrower than that.
function drawEnds(svg, low, high, height, job) {
  const cap = (at) => `M${at} ${height - 5}V${height + 5}`;
  draw(svg, "path", { class: "ends", d: `M${low} ${height}H${high}${cap(low)}${cap(high)}`, "data-job": job });
}

function nameDots(svg, points, x, y, ends) {
  const taken = points.map((p) => {
    const [low, high] = (ends(p) || [p.x, p.x]).map(x.at);
    const left = Math.min(low, x.at(p.x) - 7), right = Math.max(high, x.at(p.x) + 7);
    return [left, y.at(p.y) - 7, right - left, 14];
  });
  const free = (b) => taken.every((t) => b[0] + b[2] < t[0] || t[0] + t[2] < b[0] || b[1] + b[3] < t[1] || t[1] + t[3] < b[1]);
  for (const p of points) {
    const width = p.row.label.length * 6.6, left = x.at(p.x), top = y.at(p.y);
    const places = [[left + 10, top - 8], [left - 10 - width, top - 8], [left - width / 2, top - 26], [left - width / 2, top + 10], [left + 10, top + 8]];
    const found = places.map(([a, b]) => [a, b, width, 15]).find((b) => b[0] > LEFT && b[0] + b[2] < WIDTH && free(b));
    if (!found) continue;
    taken.push(found);
    draw(svg, "text", { x: found[0], y: found[1] + 12, class: "label" }, p.row.label);
  }
}

function pointText(row, identical) {
  const lines = content.columns.map((column, place) => {
    const [text, , interval] = row.cells[place];
    return `${column.header}: ${text}${interval ? ` ${interval}` : ""}`;
  });
  const fault = row.fault ? [`! its speedup cannot be true: ${row.fault}`] : [];
  return [row.label, ...lines, ...fault, ...(identical ? ["identical to its baseline"] : [])].join("\n");
}

function scale(values, from, to) {
  let low = Math.min(...values), high = Math.max(...values);
  if (low === high) { low -= Math.abs(low) * 0.05 || 0.5; high += Math.abs(high) * 0.05 || 0.5; }
  const margin = (high - low) * 0.07;
  low -= margin;
  high += margin;
  return { low, high, at: (value) => from + ((value - low) / (high - low)) * (to - from) };
}

function drawAxes(svg, x, y, across, up) {
  for (const value of ticks(y.low, y.high, 6)) {
    draw(svg, "line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y.at(value), y2: y.at(value) });
    draw(svg, "text", { x: LEFT - 8, y: y.at(value) + 4, "text-anchor": "end" }, number(value));
  }
  for (const value of ticks(x.low, x.high, WIDTH / 120)) {
    draw(svg, "line", { class: "grid", y1: TOP, y2: HEIGHT - BOTTOM, x1: x.at(value), x2: x.at(value) });
    draw(svg, "text", { x: x.at(value), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, number(value));
  }
  draw(svg, "text", { class: "label", x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 10, "text-anchor": "middle" }, across);
  const middle = (TOP + HEIGHT - BOTTOM) / 2;
  draw(svg, "text", { class: "label", x: 16, y: middle, "text-anchor": "middle", transform: `rotate(-90 16 ${middle})` }, up);
}
