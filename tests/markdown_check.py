"""A report's Markdown, rendered as GitHub does: what data made of it, beyond text and code.

Usage: markdown_check.py MARKDOWN
Prints every problem on a line of its own to standard error; exit status 1 where there is one.
"""

import html.parser
import pathlib
import re
import sys

import cmarkgfm
from cmarkgfm.cmark import Options

# What the report itself is made of: no link, picture, HTML, quotation, emphasis, numbered list or block of code.
OURS = {"h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "code", "strong", "hr"}
HEADINGS = r"What was covered|What the last run covered, .*|How many|What matters first|Earlier, before .*|\d+\. (critical|high|medium|low) .*"
# What begins a line of a list: of what was covered, and of what is there for comparison only.
ITEMS = r"[\d,]+ (accounts?|counted)|calls from|excluded:|not read as logs:|judged from|account .* is not judged|skipped:|left aside:|and [\d,]+ more|\d{4}-\d\d-\d\d "
# What GitHub makes links, mentions and pictures of, where it is no code.
TURNED = r"@|://|www\.|\bgh-\d|#\d|\b(mailto|xmpp):|:\w+:|\b(?=\w*[a-f])[0-9a-f]{7,40}\b"

problems = []


class Rendered(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.text, self.ones = [], "", []

    def handle_starttag(self, tag, attributes):
        if tag not in OURS or any(name != "align" for name, _ in attributes):
            problems.append(f"data made <{tag} {attributes}> within {self.open}")
        if tag in ("h1", "h2", "li", "strong"):
            self.text = ""
        if tag == "ul" and self.open:
            problems.append(f"a list within {self.open}")
        if tag not in ("hr", "img", "br", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass
        self.ones.append((tag, self.text))

    def handle_data(self, data):
        self.text += data
        if "code" not in self.open and re.search(TURNED, data, re.I):
            problems.append(f"GitHub would turn this into something: {data!r}")

    def handle_comment(self, data):
        problems.append(f"a comment: {data!r}")


source = pathlib.Path(sys.argv[1]).read_text()
page = Rendered()
page.feed(cmarkgfm.github_flavored_markdown_to_html(source, Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES))
page.close()
for tag, pattern in [("h1", r".* insights? in .*"), ("h2", HEADINGS), ("li", f"({ITEMS}).*"), ("strong", r"insights|Notice:")]:
    for text in [text for one, text in page.ones if one == tag]:
        if not re.fullmatch(pattern, text.strip(), re.S):
            problems.append(f"{tag}: {text!r}")
for tag in ("h1", "h2", "table", "code"):
    if tag not in {one for one, _ in page.ones}:
        problems.append(f"there is no {tag}: what is looked at?")

print("\n".join(problems), file=sys.stderr)
sys.exit(bool(problems))
