use super::*;

#[test]
fn first() {
    for s in [
        "hi **you** *a* _b_ ~~c~~ ||d||",
        "- a\n  - b\n- c\n\ntext",
        "> q\n> w\nx",
        "```rust\nfn\n  a\n```\nx",
        "| a | b |\n|--|:-:|\n| 1 | *2* |\nx",
        "look: ```\nx\n```\nthen",
        "**你好**，世界 这是**重点。**下文",
        "[a](https://b.c \"t\") https://x.y/z. <https://q.r>",
        "@ana #general :tada::x: a@b.c",
        "$$\na\n+ b\n$$\nand $$x$$ ok",
    ] {
        println!("{s:?}\n   {}\n   {:?}", html(s), parse(s).plain_text(Spoilers::Hidden));
    }
}
