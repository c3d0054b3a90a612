//! Letters as text, Markdown and HTML: what notices hold is inert in each.

use sha2::{Digest, Sha256};

use super::{FINDING, LINES, Letter, WIDTH};
use crate::report::wrapped;

impl Letter {
    /// Plain text, at most 55 lines of 90 characters.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        for (title, sentences) in &self.parts {
            let text = wrapped(&format!("{title}  {}", sentences.join(" ")), WIDTH, 2);
            lines.extend(text.lines().map(str::to_owned));
            lines.push(String::new());
        }
        lines.pop();
        if lines.len() > LINES {
            lines.retain(|line| !line.is_empty());
            lines.truncate(LINES);
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// Markdown: what notices hold is escaped.
    pub fn markdown(&self, number: u64) -> String {
        let mut out = format!("## {number}\n\n");
        for (title, sentences) in &self.parts {
            out.push_str(&format!("**{}**\n\n", capitalised(title)));
            let text = markdown(&sentences.join(" "));
            out.push_str(&if *title == FINDING { format!("**{text}**\n\n") } else { format!("{text}\n\n") });
        }
        out
    }

    /// An HTML section: what notices hold is escaped, nothing in it is a link.
    pub fn html(&self, number: u64) -> String {
        let mut out = format!("<section><h2>{number}</h2>\n");
        for (title, sentences) in &self.parts {
            let text = html(&sentences.join(" "));
            let text = if *title == FINDING { format!("<strong>{text}</strong>") } else { text };
            out.push_str(&format!("<h3>{}</h3><p>{text}</p>\n", capitalised(title)));
        }
        out.push_str("</section>\n");
        out
    }
}

fn capitalised(title: &str) -> String {
    let lower = title.to_lowercase();
    let mut letters = lower.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// One HTML page of letters: it stands alone, and nothing in it is a link.
pub fn page(letters: &str) -> String {
    let digest = data_encoding::BASE64.encode(&Sha256::digest(STYLE));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'sha256-{digest}'\">\n<title>Letters</title>\n\
         <style>{STYLE}</style></head><body>\n{letters}</body></html>\n"
    )
}

/// Text with a backslash before each character that Markdown would act on.
fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\`*_{}[]<>()#+!|~&".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:44em;margin:2em auto;padding:0 1em}\
h3{margin:1em 0 .2em;font-size:1em}p{margin:0;overflow-wrap:anywhere}section{break-after:page}";
