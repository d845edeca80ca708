// Draws TeX as MathML, using KaTeX.
//
// KaTeX says which MathML elements a formula has. They are created here, one by one, for three reasons: only known elements
// and attributes get into the page; a formula of any size or depth is bounded; and browsers know only the core of MathML
// (https://www.w3.org/TR/mathml-core), so variants of letters, alignment and lines are expressed in another way.
//
// scripts/frontend.mjs leaves out what KaTeX only needs to write HTML.
import { ParseError, __renderToDomTree as parse } from "katex/katex.ts";

/** Sizes that a formula gives, such as those of `\rule`, in em. */
const SIZE_MAX = 20;
/** Of the commands that are written with others, in KaTeX itself. */
const EXPANSIONS_MAX = 1_000;
/** Browsers lay out deep formulas slowly. */
const DEPTH_MAX = 100;
const NODES_MAX = 5_000;

const refuse = (what) => {
  throw new ParseError(`Not allowed: ${what}`);
};
/** A definition can repeat the whole message many times, and no formula of a message needs one. */
const DEFINITIONS = ["\\def", "\\gdef", "\\edef", "\\xdef", "\\let", "\\futurelet", "\\newcommand", "\\renewcommand", "\\providecommand"];

const MACROS = Object.fromEntries(DEFINITIONS.map((name) => [name, () => refuse(name)]));

const SETTINGS = {
  output: "mathml", throwOnError: true, maxSize: SIZE_MAX, maxExpand: EXPANSIONS_MAX,
  // Links, pictures, and everything else that would need trust
  trust: ({ command }) => refuse(command),
  // Words without `\text`, line breaks and `\sout` have a clear meaning, although TeX has none.
  strict: (code) => (["unicodeTextInMathMode", "newLineInDisplayMode", "mathVsSout"].includes(code) ? "ignore" : "error"),
};

// The source stays selectable under the formula, so copying copies it. Screen readers get the formula.
const STYLE = `
:host {
  display: inline-flex;
  position: relative;
  max-width: 100%;
  overflow: auto;
  overflow-y: hidden;
  scrollbar-width: thin;
  vertical-align: baseline;
}
:host(.tex-block) {
  display: block;
  max-height: 30rem;
  overflow-y: auto;
}
.source {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: pre;
}
math {
  direction: ltr;
  padding-block: 2px;
  color: inherit;
  font-family: "STIX Two Math", "Cambria Math", "Latin Modern Math", "Libertinus Math", "Noto Sans Math", "DejaVu Math TeX Gyre", math, var(--face);
  font-size: 1.1em;
  white-space: normal;
  overflow-wrap: normal;
  user-select: none;
  -webkit-user-select: none;
}
math[display="block"] {
  width: max-content;
  min-width: 100%;
  padding-block: 4px;
}
`;
const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE);

/** Draws a formula, or its source and what is wrong with it. */
export function draw(formula) {
  const shadow = formula.shadowRoot ?? formula.attachShadow({ mode: "open" });
  shadow.adoptedStyleSheets = [sheet];
  const source = document.createElement("span");
  source.append(document.createElement("slot"));
  try {
    const math = typeset(formula.textContent, formula.classList.contains("tex-block"));
    source.className = "source";
    source.ariaHidden = "true";
    shadow.replaceChildren(source, math);
  } catch (error) {
    source.title = error instanceof ParseError ? error.rawMessage : "This formula is too large.";
    shadow.replaceChildren(source);
  }
}

/** The formula as a `math` element. Throws if it is wrong or too large. */
function typeset(source, isBlock) {
  const { children: [math] } = parse(source, { ...SETTINGS, macros: { ...MACROS }, displayMode: isBlock });
  // Beside the formula there is an annotation, which repeats the source.
  const { children: [{ children: [formula] }] } = math;
  let nodes = 0;
  const draw = (node, into, depth) => {
    nodes += 1;
    if (nodes > NODES_MAX || depth > DEPTH_MAX) throw new RangeError("too large");
    if (!node.children) return into.append(node.character === null ? made("mspace", { width: `${node.width}em` }) : node.toText());
    const { type, attributes, children, style } = translated(node);
    const element = made(type, attributes, style);
    for (const child of ROWS.has(type) ? spaced(children) : children) draw(child, element, depth + 1);
    into.append(element);
  };
  const drawn = made("math", isBlock ? { display: "block" } : {});
  draw(node("mrow", [formula]), drawn, 0);
  return drawn;
}

const ELEMENTS = new Set(["math", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom", "mroot", "mrow", "mspace",
  "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover"]);
const ATTRIBUTES = ["accent", "accentunder", "depth", "display", "displaystyle", "fence", "height", "largeop", "linethickness", "lspace",
  "mathbackground", "mathcolor", "mathsize", "mathvariant", "maxsize", "minsize", "movablelimits", "rspace", "scriptlevel", "separator",
  "stretchy", "voffset", "width"];

/** Elements whose children are a row. */
const ROWS = new Set(["mrow", "mstyle", "mtd", "mpadded", "mphantom", "msqrt"]);

/** An element with the attributes that browsers know. */
function made(type, attributes, style = {}) {
  if (!ELEMENTS.has(type)) throw new ParseError(`There is no <${type}> here.`);
  const element = document.createElementNS("http://www.w3.org/1998/Math/MathML", type);
  for (const name of ATTRIBUTES) if (name in attributes) element.setAttribute(name, bounded(attributes[name]));
  Object.assign(element.style, style);
  // Chromium aligns what is in a cell only by this name; others ignore it.
  if (style.textAlign) element.style.textAlign = `-webkit-${style.textAlign}`;
  return element;
}

const EM = { em: 1, ex: 0.5, mu: 1 / 18, px: 1 / 16, pt: 0.1, pc: 1.2, mm: 0.3, cm: 3, in: 7.5 };
/** KaTeX bounds most lengths, but not all. */
function bounded(value) {
  const [, number, unit] = /^(-?[\d.]+)([a-z]{2})$/.exec(value) ?? [];
  const isBounded = !unit || Math.abs(number) * (EM[unit] ?? Infinity) <= SIZE_MAX;
  return isBounded ? value : `${Math.sign(number) * SIZE_MAX}em`;
}

/** The same in the core of MathML. KaTeX uses some nodes twice, so none is changed. */
function translated(original) {
  const { type, attributes, children, style } = original;
  switch (type) {
    case "menclose":
      return { type: "mrow", attributes: {}, children, style: enclosed(attributes.notation.split(" "), children[0]?.type === "mtable") };
    case "mtable":
      // `\tag`: the formula and its name, between empty cells
      return attributes.width ? node("mrow", [...children[0].children[1].children, space(2), ...children[0].children[3].children]) : table(original);
    case "mover": case "munder": case "munderover":
      return overAndUnder(original);
    case "mtd":
      return { ...original, attributes: {} };
    case "mrow": {
      const isBreak = (child) => child.attributes?.linebreak === "newline";
      return children.some(isBreak) ? table(node("mtable", lines(children, isBreak))) : original;
    }
    case "mpadded": {
      if (attributes.mathbackground || attributes.style)
        return { type: "mrow", attributes: { mathbackground: attributes.mathbackground ?? "transparent" }, children, style: { padding: FRAME, border: attributes.style ? LINE : "" } };
      // `\rule`: the size is that of the space in it.
      if (children[0].attributes?.mathbackground) return node("mpadded", children, { voffset: attributes.voffset });
      // `\mathllap` and `\mathclap`
      const back = /^-([\d.]+)width$/.exec(attributes.lspace)?.[1];
      const moved = { transform: `translateX(-${100 * back}%)` };
      return back ? { ...original, attributes: { width: "0px" }, children: [{ ...node("mrow", children), style: moved }] } : original;
    }
    case "mtext":
      return { ...original, style: { ...style, ...face(attributes.mathvariant ?? "") } };
    case "mi": case "mn": case "mo": {
      const { mathvariant: variant, ...others } = attributes;
      // Only these characters stretch in every font.
      if (attributes.fence === "true" && !attributes.stretchy) return { ...original, attributes: { ...others, stretchy: "true" }, children: [said(BARS[text(original)] ?? text(original))] };
      if (!variant || variant === "normal") return original;
      return { ...original, attributes: others, children: [said([...text(original)].map((char) => letter(char, variant)).join(""))] };
    }
    default:
      return original;
  }
}

const node = (type, children, attributes = {}) => ({ type, attributes, children });
const space = (em) => node("mspace", [], { width: `${em}em` });
const said = (text) => ({ toText: () => text });
const text = ({ children }) => children.map((child) => child.toText()).join("");
const BARS = { "∣": "|", "∥": "‖" };

/** A row, with the space around functions such as `log`, which KaTeX marks with an invisible sign. */
function spaced(children) {
  const flat = children.flatMap((child) => (child.type || !child.children ? child : child.children));
  const isSign = (child) => child?.type === "mo" && text(child) === "\u2061";
  const isFunction = (index) => isSign(flat[index + 1]) || (/^m(sub|sup|under)/.test(flat[index].type) && isSign(flat[index].children[0].children?.at(-1)));
  const isWord = (child) => child.type && child.type !== "mo" && child.type !== "mspace";
  const row = [];
  let last = -1;
  flat.forEach((child, index) => {
    if (!isSign(child)) {
      const isApart = last >= 0 && isWord(child) && isWord(flat[last]) && (isFunction(index) || isFunction(last));
      if (isApart) row.push(space(0.1667));
      last = index;
    }
    row.push(child);
  });
  return row;
}

/** Accents, arrows and lines above and below something. */
function overAndUnder(original) {
  const { type, attributes, children: [base, ...others] } = original;
  if (others[0].type === "mo" && text(others[0]) === "‾")
    return { ...node("mrow", [base]), style: type === "mover" ? { borderTop: LINE, paddingTop: "0.1em" } : { borderBottom: LINE, paddingBottom: "0.1em" } };
  const placed = others.map((other) => {
    if (other.type === "mo") return { ...other, attributes: { ...other.attributes, lspace: "0em", rspace: "0em" } };
    // The label of an arrow
    return other.attributes?.lspace === "0.3em" ? { ...node("mrow", other.children), style: { paddingInline: "0.5em" } } : other;
  });
  return node(type, [base, ...placed], attributes);
}

const lines = (children, isBreak) => {
  const rows = [[]];
  for (const child of children) {
    if (isBreak(child)) rows.push([]);
    else rows.at(-1).push(child);
  }
  return rows.map((row) => node("mtr", [node("mtd", [node("mrow", row)])]));
};

const LINE = "0.06em solid";
const FRAME = "0.2em 0.3em";
/** Frames and strikes, as borders and backgrounds. KaTeX names the sides of a table crosswise. */
function enclosed(notation, isTable) {
  const sides = isTable ? { top: "Left", bottom: "Right", left: "Top", right: "Bottom" } : { actuarial: "Top" };
  const style = notation.includes("box") ? { border: LINE, padding: FRAME } : {};
  for (const name of notation) if (sides[name]) style[`border${sides[name]}`] = LINE;
  if (notation.includes("actuarial")) style.borderRight = LINE;
  const strikes = { updiagonalstrike: "to top left", downdiagonalstrike: "to top right", horizontalstrike: "to top" };
  const strike = (to) => `linear-gradient(${to}, transparent calc(50% - 0.04em), currentcolor 0 calc(50% + 0.04em), transparent 0)`;
  style.backgroundImage = notation.filter((name) => strikes[name]).map((name) => strike(strikes[name])).join();
  return style;
}

/** A table, with the alignment, distances and lines of its cells as style. */
function table({ attributes, children: rows }) {
  const list = (name) => attributes[name]?.split(" ") ?? [];
  const [align, gaps, columnLines, rowLines] = ["columnalign", "columnspacing", "columnlines", "rowlines"].map(list);
  const gap = (column) => `calc(${gaps[column] ?? gaps.at(-1) ?? "0em"} / 2)`;
  const line = (kind) => (kind && kind !== "none" ? `0.06em ${kind}` : "");
  const drawn = rows.map((row, y) => {
    // The empty cells around a numbered row
    const cells = row.children.filter((cell) => !cell.classes?.includes("mtr-glue"));
    return node("mtr", cells.map((cell, x) => ({
      ...cell,
      style: {
        paddingBlock: `calc(0.2em + ${list("rowspacing")[0] ?? "0em"} / 2)`,
        paddingInlineStart: x === 0 ? "0" : gap(x - 1),
        paddingInlineEnd: x === cells.length - 1 ? "0" : gap(x),
        textAlign: cell.classes?.includes("mml-eqn-num") ? "right" : (align[x] ?? align.at(-1) ?? "center"),
        borderRight: x === cells.length - 1 ? "" : line(columnLines[x] ?? columnLines.at(-1)),
        borderBottom: y === rows.length - 1 ? "" : line(rowLines[y] ?? rowLines.at(-1)),
      },
    })));
  });
  return node("mtable", drawn);
}

/** The look of words, whose letters must stay letters. */
function face(variant) {
  const has = (part) => variant.includes(part);
  return {
    fontWeight: has("bold") ? "bold" : "",
    fontStyle: has("italic") ? "italic" : "",
    fontFamily: has("monospace") ? "monospace" : has("sans") ? "sans-serif" : "",
  };
}

/** Where Unicode has the letters A to Z and a to z, the Greek letters, and the digits of a variant. */
const LETTERS = {
  bold: [0x1d400, 0x1d6a8, 0x1d7ce], italic: [0x1d434, 0x1d6e2], "bold-italic": [0x1d468, 0x1d71c, 0x1d7ce],
  script: [0x1d49c], fraktur: [0x1d504], "double-struck": [0x1d538, 0, 0x1d7d8], "sans-serif": [0x1d5a0, 0, 0x1d7e2],
  "bold-sans-serif": [0x1d5d4, 0x1d756, 0x1d7ec], "sans-serif-italic": [0x1d608, 0, 0x1d7e2],
  "sans-serif-bold-italic": [0x1d63c, 0x1d790, 0x1d7ec], monospace: [0x1d670, 0, 0x1d7f6],
};
/** Those that are older, and elsewhere. */
const OLDER = { italic: "hℎ", script: "BℬEℰFℱHℋIℐLℒMℳRℛeℯgℊoℴ", fraktur: "CℭHℌIℑRℜZℨ", "double-struck": "CℂHℍNℕPℙQℚRℝZℤ" };

function letter(char, variant) {
  const [latin, greek, digits] = LETTERS[variant] ?? [];
  const older = [...(OLDER[variant] ?? "")];
  const at = older.findIndex((known, index) => index % 2 === 0 && known === char);
  if (at >= 0) return older[at + 1];
  for (const [from, to, start] of [["A", "Z", latin], ["a", "z", latin && latin + 26], ["Α", "Ω", greek], ["α", "ω", greek && greek + 26], ["0", "9", digits]])
    if (start && char >= from && char <= to) return String.fromCodePoint(start + char.codePointAt(0) - from.codePointAt(0));
  return char;
}
