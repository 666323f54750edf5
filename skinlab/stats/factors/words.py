"""FactorReport -> sentences that a physician understands, the most surprising first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from skinlab.stats.factors.aliases import AliasTable, Term
from skinlab.stats.factors.analysis import FactorReport, ResponseReport
from skinlab.stats.factors.design import Design

STRONG_PHI = 0.7
MOST_SHOWN = 4  # effects in one sum of the alias table


def sentences(report: FactorReport) -> tuple[str, ...]:
    """Return all that the table says and does not say; of a response, with its name in front."""
    found = [*report.notes, *repeated(report)]
    for response in report.responses:
        found += [f"{short(response.name)}: {text}" for text in _about(response)]
    return (*found, *confounding(report.design))


def paragraphs(report: FactorReport) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the sentences under a title each: the runs, every response, the design."""
    about = (
        (short(response.name), tuple(_capital(text) for text in _about(response)))
        for response in report.responses
    )
    runs = ("The runs", (*report.notes, *repeated(report)))
    return (runs, *about, ("The design", tuple(confounding(report.design))))


def _about(response: ResponseReport) -> Iterator[str]:
    for part in (noise_words, winner_words, effect_words, seed_words):
        yield from part(response)


def repeated(report: FactorReport) -> Iterator[str]:
    """Say which rows are the same setting."""
    design = report.design
    if not design.repeats:
        yield f"All {design.rows} rows are different settings: none tells the noise of a run."
        return
    groups = [f"{enumerated(group)} are the same" for group in design.repeats]
    yield f"{design.rows} rows are {design.settings} distinct settings: {'; '.join(groups)}."
    for response in report.responses[:1]:
        best = response.winner
        if best.same_setting:
            name = f"BEST ({best.label})" if best.marked else f"The best row ({best.label})"
            yield f"{name} repeats {enumerated(best.same_setting)}."


def noise_words(response: ResponseReport) -> Iterator[str]:
    """Say how far equal runs lie apart."""
    noise = response.noise
    if noise.sd is None or noise.least_difference is None:
        yield "nothing tells the noise of a single run; repeat a setting with new seeds."
        return
    runs = "Equal settings" if noise.source == "repeated settings" else "Rows"
    about = "" if runs == "Equal settings" else " from what the main effects say"
    yield (
        f"{runs.lower()} differ{about} by an SD of {noise.sd:.2f} points "
        f"({noise.df} degrees of freedom), so two single runs differ only beyond "
        f"{noise.least_difference:.1f} points."
    )
    if response.binomial_se is not None:
        yield (
            f"the size of the test set alone gives a standard error of "
            f"{response.binomial_se:.1f} points."
        )
    if noise.lack_of_fit_p is not None:
        rest = (
            "main effects explain the settings as well as repeats allow"
            if noise.lack_of_fit_p >= 0.05
            else "settings differ by more than main effects explain"
        )
        yield f"{rest} (lack of fit {p_is(noise.lack_of_fit_p)})."


def winner_words(response: ResponseReport) -> Iterator[str]:
    """Say whether the best row is more than luck."""
    best = response.winner
    if best.low is None or best.high is None or best.expected_lead is None:
        return
    called = "called BEST" if best.marked else "the largest"
    rest = (
        f"{enumerated(best.inside)} lie{'s' if len(best.inside) == 1 else ''} inside"
        if best.inside
        else "no other row lies inside"
    )
    yield (
        f"{best.label} is {called} with {best.value:.1f}, but a single run stands for "
        f"{best.low:.1f} to {best.high:.1f}: {rest}."
    )
    group = f"{best.peers} rows that share its {short(best.shared)}" if best.shared else "all rows"
    yield (
        f"{best.label} is {best.lead:.1f} above the mean of {group}; the best of "
        f"{best.peers} equal runs is expected {best.expected_lead:.1f} above."
    )


def effect_words(response: ResponseReport) -> Iterator[str]:
    """Say which factors did something, fitted together and alone."""
    clear = [e for e in response.fit.effects if e.p is not None and e.p < 0.05]
    for effect in sorted(clear, key=lambda e: e.p or 0.0):
        yield (
            f"{short(effect.term)} changes it by {effect.value:+.2f} points "
            f"({effect.low:.2f} to {effect.high:.2f}), {p_is(effect.p)}, and "
            f"{p_text(effect.holm)} after Holm over {len(response.fit.effects)} terms."
        )
    tested = [e for e in response.fit.effects if e.holm is not None]
    if tested and all((e.holm or 0.0) >= 0.05 for e in tested):
        yield f"after Holm over the {len(tested)} terms nothing is below 0.05."
    if response.subsets:
        sets = " or ".join(_set(s.factors) for s in response.subsets)
        yield f"AICc prefers {sets}; no other factor helps."
    for alone in response.alone:
        if alone.p < 0.05:
            how = f"all {alone.splits:,} splits" if alone.exact else f"{alone.splits:,} random ones"
            yield f"{short(alone.factor)} alone, over {how}: {p_is(alone.p)}."


def confounding(design: Design) -> Iterator[str]:
    """Say which factors the settings cannot tell apart."""
    for term, others in design.aliased.items():
        yield f"{short(term)} cannot be told from {enumerated(map(short, others))}."
    for held in design.held:
        if len(held.constant) > 1 and held.rows > 2:
            items = enumerated(f"{short(name)} {side}" for name, side in held.constant.items())
            yield (
                f"Every row with {short(held.factor)} {held.side} ({held.rows} rows) has {items}; "
                "no row shows otherwise."
            )
    for pair in design.pairs:
        if abs(pair.phi) >= STRONG_PHI and len(pair.separating) < design.rows:
            together = "agree" if pair.phi > 0 else "oppose each other"
            told = "nothing tells them apart"
            if pair.separating:
                told = f"only {enumerated(pair.separating)} tell them apart"
            yield (
                f"{_capital(short(pair.first))} and {short(pair.second)} {together} in "
                f"{design.rows - len(pair.separating)} of {design.rows} rows "
                f"(phi {pair.phi:.2f}); {told}."
            )
    if design.single:
        verb = "stands" if len(design.single) == 1 else "stand"
        yield f"{_capital(enumerated(map(short, design.single)))} {verb} in one row only."
    if design.empty_pairs:
        yield (
            f"{len(design.empty_pairs)} of the {len(design.pairs)} two-factor tables have an empty "
            "cell: whether those two factors work together cannot be estimated."
        )
    worst = max(
        ((ratio, term) for term, ratio in design.standard_error_ratio.items() if ratio is not None),
        default=None,
    )
    if worst is not None:
        ratios = ", ".join(
            f"{short(term)} {ratio:.1f}"
            for term, ratio in design.standard_error_ratio.items()
            if ratio is not None
        )
        yield (
            f"The design has {design.d_efficiency:.0%} of the D-efficiency of an orthogonal one of "
            f"{design.rows} runs; a balanced design of the same cost has standard errors smaller "
            f"by these factors: {ratios}."
        )


def alias_lines(table: AliasTable) -> Iterator[str]:
    """Yield the alias table: effects that are equal stand in one line, sums in one each."""
    equal: dict[Term, list[str]] = {}
    sums = []
    for alias in table.aliases:
        if len(alias.equals) == 1 and abs(alias.equals[0][1]) == 1:
            first, weight = alias.equals[0]
            equal.setdefault(first, []).append(("-" if weight < 0 else "") + _name(alias.term))
        elif len(alias.equals) > MOST_SHOWN:
            sums.append(f"{_name(alias.term)} = a sum of {len(alias.equals)} others")
        elif alias.equals:
            sums.append(f"{_name(alias.term)} = {_sum(alias.equals)}")
        else:
            sums.append(f"{_name(alias.term)} = constant")
    for first, others in equal.items():
        yield " = ".join([_name(first), *others])
    yield from sums


def alias_sentence(table: AliasTable) -> str:
    """Say in one sentence what the alias table means."""
    mixed = sum(len(alias.term) == 2 for alias in table.aliases)
    if not table.aliases:
        return "Nothing is aliased: every main effect and two-factor interaction can be estimated."
    if table.main_effects_are_clear:
        return (
            "No main effect is aliased with another or with a two-factor interaction; "
            f"{mixed} of the {table.interactions} interactions cannot be told from others."
        )
    return (
        f"{mixed} of the {table.interactions} two-factor interactions are sums of main effects and "
        "of other interactions: a main effect is only estimated if there are none."
    )


def _name(term: Term) -> str:
    return " × ".join(map(short, term))


def _sum(weights: Sequence[tuple[Term, float]]) -> str:
    words = ""
    for term, weight in weights:
        sign = "- " if weight < 0 else "+ " if words else ""
        size = "" if abs(weight) == 1 else f"{abs(weight):g} "
        words += f"{' ' if words else ''}{sign}{size}{_name(term)}"
    return words


def seed_words(response: ResponseReport) -> Iterator[str]:
    """Say how many runs would do."""
    if response.seeds:
        needs = " and ".join(
            f"{need.runs} runs for {need.difference:g} point{'s' * (need.difference != 1)}"
            for need in response.seeds
        )
        yield (
            f"to find a difference with {response.seeds[0].power:.0%} power each arm needs {needs}."
        )


def p_text(p: float | None) -> str:
    """Return ``0.0002``, ``0.019``, ``0.11``, ``<0.0001``; ``n/a`` for None."""
    if p is None:
        return "n/a"
    if p < 0.0001:
        return "<0.0001"
    return f"{p:.4f}" if p < 0.001 else f"{p:.3f}" if p < 0.0995 else f"{p:.2f}"


def p_is(p: float | None) -> str:
    """Return ``p = 0.019`` or ``p < 0.0001``."""
    text = p_text(p)
    return f"p {text[0]} {text[1:]}" if text.startswith("<") else f"p = {text}"


def short(name: str) -> str:
    """Return the last part of a dotted field: ``augment.hue per 0.1`` becomes ``hue per 0.1``.

    Only the first word is a field; a number after it keeps its point. Underscores become spaces.
    """
    field, space, rest = name.partition(" ")
    return field.rsplit(".", 1)[-1].replace("_", " ") + space + rest


def _set(names: Sequence[str]) -> str:
    return "{" + ", ".join(map(short, names)) + "}" if names else "no factor"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def enumerated(items: Iterable[str]) -> str:
    """Return ``a``, ``a and b``, or ``a, b and c``; there must be one at least."""
    found: Sequence[str] = list(items)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
