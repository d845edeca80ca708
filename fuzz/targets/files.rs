//! Files and pages, which come from anywhere: finding out what they are never panics, and stays within its limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::limits;
use server::{files::media, previews::page};

fuzz_target!(|bytes: &[u8]| {
    let media = media::sniff(bytes);
    let is_text = ["text/plain", "text/html", "text/xml", "image/svg+xml"].contains(&media);
    if let Some(excerpt) = media::excerpt(bytes) {
        assert!(is_text, "{media} is no text");
        assert!(!excerpt.is_empty() && excerpt.split('\n').count() <= limits::EXCERPT_LINES_MAX);
        assert!(excerpt.lines().all(|line| line.chars().count() <= limits::EXCERPT_LINE_CHARS_MAX));
        assert!(!excerpt.contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
    }
    // A browser takes nothing of this for a page.
    if media == "text/plain" {
        let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
        assert!(!text.contains("<html") && !text.contains("<svg") && !text.contains("<!doctype html"));
    }
    let said = page::read(bytes, "text/html");
    for value in [said.title, said.text, said.site, said.picture] {
        assert!(value.len() <= page::VALUE_BYTES_MAX);
    }
});
