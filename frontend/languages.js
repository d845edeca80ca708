// Splits code into coloured parts, using highlight.js.
import hljs from "highlight.js/lib/common";

/** Longer code is shown in one colour, because the time that a language's rules take is not bounded. */
const CHARS_MAX = 20_000;

/** The names in the style sheet (style/_formatted.scss), by the class of highlight.js. */
const KINDS = {
  comment: "code-comment", quote: "code-comment",
  keyword: "code-keyword", "selector-tag": "code-keyword", literal: "code-keyword", operator: "code-keyword", built_in: "code-keyword",
  string: "code-string", regexp: "code-string", char: "code-string", link: "code-string", addition: "code-string",
  number: "code-number", symbol: "code-number", bullet: "code-number", variable: "code-number", "template-variable": "code-number",
  title: "code-title", section: "code-title", name: "code-title", "selector-id": "code-title", "selector-class": "code-title",
  type: "code-type", attr: "code-type", attribute: "code-type", property: "code-type", params: "",
  meta: "code-comment", doctag: "code-keyword", deletion: "code-deletion",
};

/** The coloured parts of a text, as `[kind, start, end]`; empty for an unknown language. */
export function tokens(text, language) {
  if (text.length > CHARS_MAX || !hljs.getLanguage(language)) return [];
  const read = document.createElement("template");
  // Inert: nothing in a template is loaded or run. highlight.js escapes all text.
  read.innerHTML = hljs.highlight(text, { language, ignoreIllegals: true }).value;
  const found = [];
  let at = 0;
  const walk = (node, kind) => {
    for (const child of node.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) {
        if (kind) found.push([kind, at, at + child.data.length]);
        at += child.data.length;
      } else {
        const scopes = [...child.classList].map((name) => KINDS[name.replace(/^hljs-/, "").replace(/_$/, "")]);
        walk(child, scopes.find((scope) => scope !== undefined) ?? kind);
      }
    }
  };
  walk(read.content, "");
  return found;
}
