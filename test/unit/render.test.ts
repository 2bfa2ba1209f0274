import { Graphviz } from "@hpcc-js/wasm-graphviz";
import { Resvg } from "@resvg/resvg-js";
import { expect } from "chai";
import fc from "fast-check";
import { ArgumentError, RenderError } from "../../lib/errors.js";
import { type MapNode, SystemMap } from "../../lib/map.js";
import { render } from "../../lib/render.js";

function system(needs: Readonly<Record<string, readonly string[]>>): SystemMap {
  const nodes = Object.entries(needs).map(([name, to]): MapNode => ({
    name,
    needs: to.map((one) => ({ to: one, kind: "need" })),
    groups: [],
    look: {},
  }));
  return new SystemMap({ nodes, cycles: [], critical: [] });
}

const small = system({ board: [], db: [], scanner: ["db", "board"] });

async function svgOf(map: SystemMap, horizontal?: boolean): Promise<string> {
  return new TextDecoder().decode(await render(map, { format: "svg", ...(horizontal !== undefined && { horizontal }) }));
}

/** Width and height, from the header of a PNG file. */
function pngSize(png: Uint8Array): { width: number; height: number } {
  const view = new DataView(png.buffer, png.byteOffset);
  expect(view.getUint32(0)).to.equal(0x89504e47);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

function svgSize(svg: string): { width: number; height: number } {
  const [width, height] = (/width="(\d+)pt" height="(\d+)pt"/.exec(svg)?.slice(1) ?? []).map(Number);
  return { width: width ?? 0, height: height ?? 0 };
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

describe("render", () => {
  it("draws every component and need as SVG, in the bundled font", async () => {
    const svg = await svgOf(small);
    expect(count(svg, 'class="node"')).to.equal(3);
    expect(count(svg, 'class="edge"')).to.equal(2);
    expect(svg).to.include(">scanner</text>").and.to.include('font-family="DejaVu Sans, Verdana, sans-serif"');
  });

  it("draws a PNG at twice the size of the SVG", async () => {
    const [svg, png] = [svgSize(await svgOf(small)), pngSize(await render(small, { format: "png" }))];
    expect(png.width / ((svg.width * 4) / 3)).to.be.closeTo(2, 0.02);
    expect(png.height / ((svg.height * 4) / 3)).to.be.closeTo(2, 0.02);
  });

  it("draws the letters into the PNG", async () => {
    const [one, other] = await Promise.all(["bd", "db"].map((name) => render(system({ [name]: [] }), { format: "png" })));
    expect(pngSize(one!)).to.deep.equal(pngSize(other!));
    expect(Buffer.compare(one!, other!)).to.not.equal(0);
  });

  it("gives the same picture every time", async () => {
    const [one, other] = [await render(small, { format: "png" }), await render(small, { format: "png" })];
    expect(Buffer.compare(one, other)).to.equal(0);
  });

  it("keeps the longest side of a PNG at 8,000 pixels", async () => {
    const wide = system({ ...Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`listener-${i}`, ["pool"]])), pool: [] });
    expect(pngSize(await render(wide, { format: "png", horizontal: false })).width).to.equal(8_000);
    expect(pngSize(await render(wide, { format: "png", horizontal: true })).height).to.equal(8_000);
  });

  it("turns a picture that would be too wide, unless it is told how to lie", async () => {
    const flat = system({ ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`listener-${i}`, ["pool"]])), pool: [] });
    expect(await svgOf(flat)).to.equal(await svgOf(flat, true));
    expect(await svgOf(flat, false)).to.not.equal(await svgOf(flat, true));
    expect(await svgOf(small)).to.equal(await svgOf(small, false));
  });

  it("draws an empty system", async () => {
    expect(await svgOf(system({}))).to.include("no components");
    expect(pngSize(await render(system({}), { format: "png" })).width).to.be.greaterThan(100);
  });

  it("shows awkward names as they are", async () => {
    const names = ['quo"te\\', "<b>html</b>", "\\N \\G \\", "&lt; %s", "__proto__", "a:b:n", "-->", "名前", "😀"];
    const svg = await svgOf(system(Object.fromEntries(names.map((name) => [name, []]))));
    const entities: Readonly<Record<string, string>> = {
      "&lt;": "<",
      "&gt;": ">",
      "&quot;": '"',
      "&#39;": "'",
      "&#45;": "-",
      "&amp;": "&",
    };
    const texts = [...svg.matchAll(/<text[^>]*>(.*)<\/text>/g)].map(([, text = ""]) =>
      text.replace(/&[^;]+;/g, (one) => entities[one] ?? one),
    );
    expect(texts).to.include.members(names);
  });

  it("keeps all names apart, in a picture that can be drawn", async () => {
    const graphviz = await Graphviz.load();
    const name = fc.oneof(
      fc.constantFrom("all(x)", "\\all(x)"),
      fc.string({ unit: "binary", minLength: 1, maxLength: 8 }),
      fc.string({
        unit: fc.constantFrom("\\", '"', "<", ">", "n", "\n", "all(", ")", "\ud800", "\0", "&", ";", " "),
        minLength: 1,
        maxLength: 6,
      }),
    );
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 2, maxLength: 6 }), (names) => {
        const nodes = names.map((one): MapNode => ({
          name: one,
          needs: [{ to: "x", kind: "group" }],
          groups: ["x"],
          look: { bold: true },
        }));
        const svg = graphviz.layout(new SystemMap({ nodes, cycles: [], critical: [] }).dot(), "svg", "dot");
        expect(count(svg, 'class="node"')).to.equal(names.length + 1);
        expect(count(svg, 'class="edge"')).to.equal(2 * names.length);
        expect(() => new Resvg(svg)).to.not.throw();
      }),
      { numRuns: 100 },
    );
  });

  it("refuses another format", async () => {
    const error: unknown = await render(small, { format: "gif" as "png" }).catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(ArgumentError);
    expect((error as Error).message).to.equal('Expected `format` to be "svg" or "png", got `"gif"` (string)');
  });

  it("says what to do when Graphviz gives up", async () => {
    const unreadable = Object.assign(system({ db: [] }), { dot: () => "digraph {" });
    const error: unknown = await render(unreadable, { format: "svg" }).catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(RenderError);
    expect((error as RenderError).message)
      .to.match(/^Cannot lay out a map of 1 component: .*syntax error/)
      .and.to.include("only()");
  });

  it("passes on what a decorator throws", async () => {
    const thrown = new Error("mine");
    const decorate = () => {
      throw thrown;
    };
    expect(await render(small, { format: "svg", decorate }).catch((cause: unknown) => cause)).to.equal(thrown);
  });
});
