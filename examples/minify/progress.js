// A bar that moves, on a terminal; elsewhere a line now and then.

const WIDTH = 32;

export function progressBar(title) {
  const { isTTY } = process.stdout;
  let text = "";
  const draw = () => process.stdout.write(isTTY ? `\r\x1b[2K${text}` : `${text}\n`);
  const timer = setInterval(draw, isTTY ? 100 : 2_000);
  return {
    show(fraction, detail) {
      const filled = Math.round(Math.min(fraction, 1) * WIDTH);
      text = `${title} [${"#".repeat(filled)}${"-".repeat(WIDTH - filled)}] ${detail}`;
    },
    end() {
      clearInterval(timer);
      draw();
      if (isTTY) process.stdout.write("\n");
    },
  };
}
