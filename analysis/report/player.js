// Three videos in step, drawn from one picture each that holds all their frames.
function startPlayer() {
  if (!byId("video-point")) return;
  const videos = content.videos, jobs = Object.keys(videos.variants);
  const player = { frame: 0, playing: false, pictures: {}, entry: null };
  fill(byId("video-point"), jobs.map((job) => [job, labelOf(Number(job))]));

  function show() {
    const job = byId("video-point").value, places = Object.keys(videos.variants[job]);
    const before = byId("video-place").value;
    fill(byId("video-place"), places.map((place) => [place, videos.places[place]]));
    const place = places.includes(before) ? before : places[0];
    byId("video-place").value = place;
    const variant = videos.variants[job][place], baseline = videos.baselines[variant.baseline][place];
    player.entry = variant;
    byId("video-frame").max = variant.frames.length - 1;
    player.frame = Math.min(player.frame, variant.frames.length - 1);
    byId("video-name").textContent = labelOf(Number(job));
    byId("video-factor").textContent = `difference × ${variant.factor}`;
    byId("video-metrics").textContent = variant.metrics.map(([name, value]) => `${name}: ${value}`).join("   ");
    load("baseline", baseline.picture);
    load("variant", variant.picture);
    load("difference", variant.difference);
  }

  function load(name, uri) {
    const picture = new Image();
    player.pictures[name] = null;
    picture.onload = () => { player.pictures[name] = picture; paint(); };
    picture.src = uri;
  }

  function paint() {
    const { columns, width, height, frames } = player.entry;
    const left = (player.frame % columns) * width, top = Math.floor(player.frame / columns) * height;
    for (const [name, picture] of Object.entries(player.pictures)) {
      if (!picture) continue;
      const canvas = byId(`video-${name}`);
      if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
      canvas.classList.toggle("small", width < 160);
      canvas.getContext("2d").drawImage(picture, left, top, width, height, 0, 0, width, height);
    }
    byId("video-frame").value = player.frame;
    byId("video-number").textContent = `${frames[player.frame]} of 0..${frames[frames.length - 1]}`;
  }

  function step(by) {
    const count = player.entry.frames.length;
    player.frame = (player.frame + by + count) % count;
    paint();
  }

  function play(on) {
    player.playing = on;
    byId("video-play").textContent = on ? "❚❚ pause" : "▶ play";
    if (on) tick();
  }

  function tick() {
    if (!player.playing) return;
    step(1);
    setTimeout(tick, 1000 / Number(byId("video-speed").value));
  }

  byId("video-play").addEventListener("click", () => play(!player.playing));
  byId("video-frame").addEventListener("input", (event) => { player.frame = Number(event.target.value); paint(); });
  byId("video-place").addEventListener("change", show);
  byId("video-point").addEventListener("change", () => choose(Number(byId("video-point").value)));
  whenChosen((job) => { if (jobs.includes(String(job))) { byId("video-point").value = String(job); show(); } });
  show();
}
