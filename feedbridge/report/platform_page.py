"""A platform's page, made from its rules: ``feedbridge platform show`` and ``docs/platforms/NAME.md``."""

from __future__ import annotations

import json
from typing import Any

from feedbridge.product.docs import field_texts

__all__ = ["platform_page"]


def platform_page(platform: Any) -> str:
    """Markdown: settings, rules with number, severity, source, what holds them, one good and one bad example."""
    lines = [
        f"# {platform.title}",
        "",
        f"{' '.join(platform.about.split())}",
        "",
        "This page is made from the code: `feedbridge platform show " + platform.name + "`.",
        "",
        "## Settings",
        "",
        f"In a mapping under `platforms.{platform.name}.settings`, or `--set {platform.name}.<key>=<value>`.",
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
    ]
    texts = field_texts(platform.settings)
    for name, info in platform.settings.model_fields.items():
        default = json.dumps(info.get_default(call_default_factory=True), default=str)
        lines.append(f"| `{name}` | `{default}` | {_cell(texts.get(name, ''))} |")
    lines += [
        "",
        "## Rules",
        "",
        "An *error* holds the product back for this platform; a *warning* is written all the same;",
        "*advice* is said and nothing more.",
        "",
    ]
    for rule in platform.rules:
        lines += [
            f"### {platform.name}.{rule.number} ({rule.severity.value})",
            "",
            " ".join(rule.title.split()),
            "",
            f"- source: {rule.source}",
        ]
        if rule.held_by:
            lines.append(f"- held by: {rule.held_by}")
        if rule.mend:
            lines.append(f"- mend: {rule.mend}")
        lines += [f"- good: {_example(rule.good)}", f"- bad: {_example(rule.bad)}", ""]
    lines += _feed_score(platform)
    return "\n".join(lines).rstrip() + "\n"


def _feed_score(platform: Any) -> list[str]:
    """What the feed score is made of: the criteria, and what warnings cost."""
    lines = [
        "## Feed score",
        "",
        "A product begins with 100 points and loses some for each criterion it fails and each rule's warning about it,",
        "down to 0. One that is held back has 0; one that is left out does not count. The feed score is the mean.",
        "",
        f"A warning costs {platform.warning_points('')} points"
        + "".join(f", of {platform.name}.{number} {points}" for number, points in sorted(platform.rule_points.items()))
        + ". In a test, `p` is the product and `v` a variant of it.",
        "",
    ]
    for one in platform.quality:
        lines += [
            f"### {platform.name}.{one.number} ({one.points} points)",
            "",
            " ".join(one.title.split()),
            "",
            f"- why: {one.why}",
            f"- source: {one.source}",
            f"- lost when: `{one.test}`",
            f"- mend: {one.mend}",
            f"- good: {_example(one.good)}",
            f"- bad: {_example(one.bad)}",
            "",
        ]
    return lines


def _example(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False, default=str)}`" if isinstance(value, dict | list) else str(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
