// Unpacks the library that the page carries, and draws each chart when it comes into view.
(() => {
  const charts = [...document.querySelectorAll(".chart")];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const touched = matchMedia("(pointer: coarse)").matches;
  const drawn = new Set();
  const root = document.documentElement;
  const paperWidth = 960; // fits a page of either A4 or Letter, lying
  const options = {
    responsive: true,
    displaylogo: false,
    modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]],
  };

  const load = async () => {
    const packed = Uint8Array.from(atob(document.getElementById("library").textContent.trim()), (c) => c.charCodeAt(0));
    const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(plain).text();
    document.head.append(script);
  };

  const themed = (layout, width) => {
    const style = getComputedStyle(root);
    const color = (name) => style.getPropertyValue(name).trim();
    const axes = Object.keys(layout).filter((key) => /^[xy]axis/.test(key));
    const names = (axis) => (axis.type === "category" ? { nticks: Math.max(2, Math.floor(width / 130)) } : {});
    const lines = { gridcolor: color("--line"), zerolinecolor: color("--line"), linecolor: color("--line") };
    return {
      ...layout,
      width: root.classList.contains("paper") ? paperWidth : undefined,
      ...Object.fromEntries(axes.map((key) => [key, { ...layout[key], ...lines, ...names(layout[key]) }])),
      font: { color: color("--ink"), family: "system-ui, sans-serif", size: 12 },
      hoverlabel: { bgcolor: color("--card"), bordercolor: color("--line"), font: { color: color("--ink") }, align: "left" },
      modebar: { bgcolor: "transparent", color: color("--soft"), activecolor: color("--ink") },
      paper_bgcolor: "transparent",
      plot_bgcolor: "transparent",
      dragmode: touched ? false : "zoom",
    };
  };

  const draw = (chart) => {
    const { data, layout } = JSON.parse(chart.nextElementSibling.textContent);
    if (!drawn.has(chart)) chart.textContent = "";
    drawn.add(chart);
    Plotly.react(chart, data, themed(layout, chart.clientWidth), options);
  };

  // Paper is white and has a width of its own, and shows what was never scrolled to.
  const print = (begins) => {
    root.classList.toggle("paper", begins);
    const open = charts.filter((chart) => !chart.closest("details:not([open])"));
    open.forEach(draw);
    if (!begins) open.forEach((chart) => Plotly.Plots.resize(chart));
  };

  const tell = () => charts.forEach((chart) => { chart.textContent = "This browser cannot unpack the charts; all tables are complete. A newer one can."; });

  load().then(() => {
    const seen = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        seen.unobserve(target);
        draw(target);
      }
    }, { rootMargin: "300px" });
    charts.forEach((chart) => seen.observe(chart));
    dark.addEventListener("change", () => drawn.forEach(draw));
    addEventListener("beforeprint", () => print(true));
    addEventListener("afterprint", () => print(false));
  }).catch(tell);
})();
