// Splits code into coloured parts, using highlight.js.
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import csharp from "highlight.js/lib/languages/csharp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import graphql from "highlight.js/lib/languages/graphql";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import kotlin from "highlight.js/lib/languages/kotlin";
import lua from "highlight.js/lib/languages/lua";
import makefile from "highlight.js/lib/languages/makefile";
import markdown from "highlight.js/lib/languages/markdown";
import perl from "highlight.js/lib/languages/perl";
import php from "highlight.js/lib/languages/php";
import plaintext from "highlight.js/lib/languages/plaintext";
import python from "highlight.js/lib/languages/python";
import r from "highlight.js/lib/languages/r";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import scss from "highlight.js/lib/languages/scss";
import shell from "highlight.js/lib/languages/shell";
import sql from "highlight.js/lib/languages/sql";
import swift from "highlight.js/lib/languages/swift";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

// Each brings its aliases: `xml` also reads HTML, and `ini` TOML. The rest of highlight.js is left out for its size.
const LANGUAGES = {
  bash, c, cpp, csharp, css, diff, go, graphql, ini, java, javascript, json, kotlin, lua,
  makefile, markdown, perl, php, plaintext, python, r, ruby, rust, scss, shell, sql, swift, typescript, xml, yaml,
};
for (const [name, rules] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, rules);

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
