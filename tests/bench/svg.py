"""Draws figures as bars, for the README: one panel for each row of the table, standard library only."""

import html

WIDTH, LEFT, RIGHT = 820, 190, 120
BAR, GAP, PANEL = 16, 6, 46
COLOURS = {"waggled": "#c77700", "echo": "#9aa0a6"}
OTHER = "#4a6fa5"


def panels(figures):
    """(title, unit, [(name, value, note)]) of what is worth a picture."""
    for what in dict.fromkeys(what for what, _ in figures.cost_rows()):
        bars = []
        for name in figures.names(what):
            ratio = figures.ratio(what, name)
            note = "" if ratio is None else f" ({ratio:.2f}x)"
            bars.append((name, figures.median(what, name, "cpu_us"), note))
        yield f"{what}: CPU a request", "us", bars
    for what in dict.fromkeys(what for what, _ in figures.select("instance_octets")):
        yield f"{what}: memory an instance", "octets", [
            (name, figures.median(what, name, "instance_octets"), "")
            for name in figures.names(what)]


def text(x, y, words, attributes=""):
    return f'<text x="{x}" y="{y}" {attributes}>{html.escape(words)}</text>'


def draw_panel(top, title, unit, bars):
    longest = max(value for _, value, _ in bars) or 1
    yield text(16, top + 20, title, 'font-weight="bold"')
    for i, (name, value, note) in enumerate(bars):
        y = top + 32 + i * (BAR + GAP)
        width = max(1, round((WIDTH - LEFT - RIGHT) * value / longest))
        colour = COLOURS.get(name, OTHER)
        said = f"{value:.1f}" if value < 100 else f"{value:.0f}"
        yield text(LEFT - 8, y + 13, name, 'text-anchor="end"')
        yield f'<rect x="{LEFT}" y="{y}" width="{width}" height="{BAR}" fill="{colour}"/>'
        yield text(LEFT + width + 6, y + 13, f"{said} {unit}{note}")


def draw(figures, path):
    lines = []
    top = 44
    for title, unit, bars in panels(figures):
        lines += draw_panel(top, title, unit, bars)
        top += PANEL + len(bars) * (BAR + GAP)
    about = f"{figures.about['date']}, {figures.about['machine']}, {figures.about['command']}"
    with open(path, "w") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top + 8}" '
                   f'font-family="sans-serif" font-size="13">\n'
                   f'<rect width="100%" height="100%" fill="#ffffff"/>\n'
                   + text(16, 26, about, 'fill="#555555"') + "\n" + "\n".join(lines)
                   + "\n</svg>\n")
