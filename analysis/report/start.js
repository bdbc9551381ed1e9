startTable();
startScatter();
startCurves();
startSchedule();
startPlayer();
// To begin with, the point that reuses most: there is something to see.
const reuse = (job) => content.rows.find((row) => row.job === Number(job)).values.reuse_share || 0;
const shown = Object.keys(content.videos.variants || content.schedules);
if (shown.length) choose(Number(shown.reduce((best, job) => (reuse(job) > reuse(best) ? job : best))));
