"""How far the work for an escrow may go ahead of what is signed, shared among its running answers.  No clock, no I/O.

What an answer was granted counts as done until it ends, so that all of them together never get further ahead than the
credit, however the sidecar hurries.
"""

from __future__ import annotations

from dataclasses import dataclass

from rules.vouchers import Terms, Tokens, compute_allowance, compute_amount


@dataclass(slots=True, kw_only=True)
class Run:
    """An answer under way: tokens of its prompt, and work done and granted, prompt and answer together.

    `most` is the most that it can use; one that is `whole` can begin with no less.
    """

    prompt: int
    most: int
    whole: bool = False
    granted: int = 0
    done: int = 0

    @property
    def is_starving(self) -> bool:
        """Whether it has used what it was granted, and could use more."""
        return self.done >= self.granted < self.most

    def split(self, work: int) -> Tokens:
        """Work as tokens read and written."""
        read = min(work, self.prompt)
        return Tokens(tokens_in=read, tokens_out=work - read)


class Credit:
    """One escrow at this host; `done` is the work of answers that ended, `signed` what the newest voucher covers."""

    def __init__(self, terms: Terms, *, done: Tokens, signed: Tokens) -> None:
        self.terms = terms
        self.done = done
        self.signed = signed
        self._runs: dict[str, Run] = {}

    @property
    def runs(self) -> int:
        """Answers under way."""
        return len(self._runs)

    @property
    def worked(self) -> Tokens:
        """All work done, of ended and running answers."""
        return _sum([self.done, *(run.split(run.done) for run in self._runs.values())])

    @property
    def is_spent(self) -> bool:
        """Whether the reserve is too small for one more token of either kind."""
        covered = Tokens(
            tokens_in=max(self.worked.tokens_in, self.signed.tokens_in) + 1,
            tokens_out=max(self.worked.tokens_out, self.signed.tokens_out),
        )
        more_out = Tokens(tokens_in=covered.tokens_in - 1, tokens_out=covered.tokens_out + 1)
        least = min(compute_amount(covered, self.terms.price), compute_amount(more_out, self.terms.price))
        return least > self.terms.reserve_ngonka

    def begin(self, key: str, *, prompt: int, most: int, whole: bool = False) -> Run:
        """A new answer; nothing is granted yet."""
        run = self._runs[key] = Run(prompt=prompt, most=most, whole=whole)
        return run

    def end(self, key: str) -> None:
        """An answer has ended: what it did not use is free again."""
        run = self._runs.pop(key)
        self.done = _sum([self.done, run.split(run.done)])

    def share(self) -> tuple[str, ...]:
        """Grant what may be granted, evenly, those that were granted least first; returns whose grant grew."""
        grown: list[str] = []
        each = max(1, self.terms.credit_tokens // max(1, len(self._runs)))
        for key, run in sorted(self._runs.items(), key=lambda item: item[1].granted - item[1].done):
            wanted = (run.most if run.whole else min(run.most, run.done + each)) - run.granted
            if wanted <= 0:
                continue
            granted = run.split(run.granted)
            allowed = compute_allowance(self.terms, self._granted, self.signed, run.prompt - granted.tokens_in)
            if allowed > 0:
                run.granted += min(wanted, allowed)
                grown.append(key)
        return tuple(grown)

    @property
    def _granted(self) -> Tokens:
        return _sum([self.done, *(run.split(run.granted) for run in self._runs.values())])


def _sum(parts: list[Tokens]) -> Tokens:
    return Tokens(tokens_in=sum(part.tokens_in for part in parts), tokens_out=sum(part.tokens_out for part in parts))
