"""What Whisper writes when nobody said it: the ends of films, and one phrase over and over.

It was trained on subtitles, so over noise or silence it writes what subtitles say there; and its decoder can fall
into a loop. Pure: texts and figures in, a judgement out.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from typing import Final, TypeVar

# Subtitles' own phrases, as they were heard from Whisper over sounds without speech. Without case and punctuation.
_SUBTITLES: Final = frozenset(
    {
        "thank you for watching",
        "thanks for watching",
        "thank you so much for watching",
        "please subscribe",
        "please subscribe to my channel",
        "dont forget to like and subscribe",
        "subtitles by the amaraorg community",
        "시청해주셔서 감사합니다",
        "시청해 주셔서 감사합니다",
        "구독과 좋아요 부탁드립니다",
        "구독 좋아요 부탁드립니다",
        "다음 영상에서 만나요",
        "한글자막 by 한효정",
        "자막 제공 및 자막을 사용하였습니다",
        "ご視聴ありがとうございました",
        "字幕by索兰娅",
        "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
        "sous-titres réalisés par la communauté damaraorg",
        "untertitel der amaraorg-community",
        "untertitel im auftrag des zdf für funk 2017",
        "subtítulos realizados por la comunidad de amaraorg",
    }
)
# The same, but said in meetings too.
_ALSO_SAID: Final = frozenset({"thank you", "you", "bye", "bye bye", "감사합니다", "고맙습니다", "네"})
_KOREAN_NEWS: Final = re.compile(r"mbc 뉴스 \S+입니다")
# Whisper is sure of a phrase with this mean log probability of its tokens. The probability that it gives for "there
# is no speech" says little alone: it is above a half for some clear speech.
_SURE: Final = -0.4
_UNSURE: Final = -0.9
_NO_SPEECH: Final = 0.6
# Text that is so much shorter when it is compressed repeats itself (Whisper's own threshold).
_REPETITIVE: Final = 2.4
# A phrase that follows itself so often is a loop. People do say "no, no, no".
_TIMES: Final = 4
_LONGEST_PHRASE: Final = 30  # words

Item = TypeVar("Item")


def is_subtitle(text: str, logprob: float, no_speech: float) -> bool:
    """Return whether a whole segment is such a phrase, and Whisper was not sure of it.

    logprob: the mean log probability of its tokens; no_speech: the probability that there is no speech.
    """
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFC", text.casefold())
        if letter.isalnum() or letter in " -"
    )
    plain = " ".join(plain.split())
    if plain in _SUBTITLES or _KOREAN_NEWS.fullmatch(plain) is not None:
        return logprob < _SURE or no_speech > _NO_SPEECH
    return plain in _ALSO_SAID and (logprob < _UNSURE or (no_speech > _NO_SPEECH and logprob < _SURE))


def is_repetitive(text: str) -> bool:
    """Return whether the text says the same again and again."""
    data = text.encode()
    return len(data) > _REPETITIVE * len(zlib.compress(data))


def without_loops(words: Sequence[Item], texts: Sequence[str]) -> list[Item]:
    """Return `words` with each loop reduced to its phrase, said once. texts: what each word says."""
    plain = ["".join(filter(str.isalnum, text.casefold())) for text in texts]
    kept: list[Item] = []
    at = 0
    while at < len(words):
        length, times = _loop(plain, at)
        kept.extend(words[at : at + length])
        at += length * times
    return kept


def _loop(plain: Sequence[str], at: int) -> tuple[int, int]:
    """Return the shortest phrase that loops from `at` on, in words, and how often it comes; (1, 1) for none."""
    for length in range(1, min(_LONGEST_PHRASE, (len(plain) - at) // _TIMES) + 1):
        phrase = plain[at : at + length]
        times = 1
        while plain[at + times * length : at + (times + 1) * length] == phrase:
            times += 1
        if times >= _TIMES and any(phrase):
            return length, times
    return 1, 1
