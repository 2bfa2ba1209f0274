/** Draws a map as SVG or PNG, without any program of the system. */
import { dirname, join } from "node:path";
import { ArgumentError, RenderError } from "./errors.js";
import { firstLine, plural } from "./wording.js";
import type { DrawOptions, SystemMap } from "./map.js";

/** How a map is rendered. */
export interface RenderOptions extends DrawOptions {
  readonly format: "svg" | "png";
}

const PIXELS_PER_POINT = (2 * 4) / 3;
const MAX_PIXELS = 8_000;
const MAX_WIDTH_TO_HEIGHT = 3;
const FONT = "DejaVu Sans";

/**
 * A picture on a white background, in the bundled font: SVG as UTF-8 text, or PNG at twice the usual size, of at most
 * 8,000 pixels along its longest side. The same map gives the same picture on every machine. Without `horizontal` it
 * runs from top to bottom, or from left to right where it would be more than three times as wide as high.
 *
 * @throws {ArgumentError} for another format
 * @throws {RenderError} when the system is too large to be laid out, or the fonts are not beside the library
 */
export async function render(map: SystemMap, { format, ...options }: RenderOptions): Promise<Uint8Array> {
  if (format !== "svg" && format !== "png") throw new ArgumentError("format", '"svg" or "png"', format);
  const svg = await layout(map, options);
  if (format === "svg")
    return new TextEncoder().encode(svg.replaceAll(`font-family="${FONT}"`, `font-family="${FONT}, Verdana, sans-serif"`));
  return rasterize(svg);
}

async function layout(map: SystemMap, options: DrawOptions): Promise<string> {
  const { Graphviz } = await import("@hpcc-js/wasm-graphviz");
  const graphviz = await Graphviz.load();
  const draw = (dot: string) => {
    try {
      return graphviz.layout(dot, "svg", "dot");
    } catch (cause) {
      throw new RenderError(`Cannot lay out a map of ${plural(map.model.nodes.length, "component")}: ${firstLine(cause)}`, {
        fix: "draw a part of the system with only(), or use the map's text()",
        cause,
      });
    }
  };
  const svg = draw(map.dot(options));
  const { width, height } = sizeOf(svg);
  const isTooWide = options.horizontal === undefined && width > MAX_WIDTH_TO_HEIGHT * height;
  return isTooWide ? draw(map.dot({ ...options, horizontal: true })) : svg;
}

/** In points, as Graphviz writes them into the first tag. */
function sizeOf(svg: string): { readonly width: number; readonly height: number } {
  const [width = 1, height = 1] = (/<svg width="([\d.]+)pt" height="([\d.]+)pt"/.exec(svg)?.slice(1) ?? []).map(Number);
  return { width, height };
}

async function rasterize(svg: string): Promise<Uint8Array> {
  const fonts = await findFonts();
  const { renderAsync } = await import("@resvg/resvg-js");
  const { width, height } = sizeOf(svg);
  const longest = Math.min(MAX_PIXELS, Math.round(Math.max(width, height) * PIXELS_PER_POINT));
  const image = await renderAsync(svg, {
    background: "#ffffff",
    fitTo: { mode: width > height ? "width" : "height", value: longest },
    font: { loadSystemFonts: false, fontFiles: fonts, defaultFontFamily: FONT },
  });
  return image.asPng();
}

/** The folder is looked for upwards, as it stands at another depth beside the sources, the built library and a test build. */
async function findFonts(): Promise<string[]> {
  const { access } = await import("node:fs/promises");
  const from = import.meta.dirname;
  for (let folder = from; ; folder = dirname(folder)) {
    const fonts = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((file) => join(folder, "assets", "fonts", file));
    const exist = await Promise.all(
      fonts.map((font) =>
        access(font).then(
          () => true,
          () => false,
        ),
      ),
    );
    if (exist.every(Boolean)) return fonts;
    if (folder === dirname(folder)) {
      throw new RenderError(`Cannot find the fonts assets/fonts/DejaVuSans*.ttf in any folder above ${from}`, {
        fix: "a bundled program needs the package's assets folder beside it; format svg needs no fonts",
      });
    }
  }
}
