"""What is masked, what is not, and that nothing else of a text changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.report.redaction import masks, redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call me at 0171-234 5678 today", "call me at ####-### #### today"),
        ("رقم ١٢٣ و 12", "رقم ### و ##"),
        ("write to a.b+c@mail.example.org, please", "write to [mail], please"),
        ("ask bob@mailhost, 3 @ 5", "ask [mail], # @ #"),
        ("see https://example.com/a?b=1 or www.example.net.", "see [address] or [address]."),
        ("shop.example.com/cart and example.org", "[address] and [address]"),
        ("host vid-eu1.lab.example at 10.0.0.7, e.g. now", "host [address] at [address], e.g. now"),
        ("ask @ada_l about it", "ask [mail] about it"),
        ("I spoke to Ada about Jean-Luc", "I spoke to [name] about [name]"),
        ("Ada Lovelace called", "[name] [name] called"),
        ("My card. Where is it? Help me", "My card. Where is it? Help me"),
        ("“My card”, said Ömer", "“My card”, said [name]"),
        ("I asked Dr. Smith and J. Doe", "I asked [name]. [name] and J. [name]"),
        ("O'Brien's card: Ask McDonald", "O'Brien's card: [name] [name]"),
        ("I'm here and I've waited, as I do", "I'm here and I've waited, as I do"),
        ("first line\nSecond line", "first line\nSecond line"),
        ("Я говорил с Анной", "Я говорил с [name]"),
        ("我的卡丢了。请打 13800138000", "我的卡丢了。请打 ###########"),
        ("שלום לך", "שלום לך"),
        ("", ""),
    ],
)
def test_a_text(text, shown):
    assert redact(text) == shown


def test_a_name_at_a_beginning_of_its_own_is_kept():
    assert redact("Ada called") == "Ada called"


@given(st.text())
def test_masks_do_not_overlap_and_the_rest_is_as_it_was(text):
    end, kept = 0, []
    for mask in masks(text):
        assert end <= mask.start < mask.end <= len(text)
        kept.append(text[end : mask.start])
        end = mask.end
    shown = redact(text)
    for part in [*kept, text[end:]]:
        assert part in shown
    assert not any(letter.isdigit() for letter in shown)


@given(st.from_regex(r"[a-z]{1,8}@[a-z]{2,8}\.[a-z]{2,3}", fullmatch=True), st.text(max_size=9))
def test_a_mail_address_is_found_between_spaces(mail, around):
    assert mail not in redact(f"{around} {mail} {around}")


@pytest.mark.parametrize("part", ["W", "a-", "Bo. ", "Ab'", "x@", "1.", "(", "a://"])
def test_long_texts_without_an_end_take_no_hours(part):
    shown = redact(part * (200_000 // len(part)))
    assert "Bo" not in shown[3:]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("李http://intra/ada", "李[address]"),  # letters without spaces before it
        ("Dr.\nBo called", "Dr.\n[name] called"),
        ("The doctors. Bo called", "The doctors. Bo called"),
    ],
)
def test_what_stands_before_a_name_or_an_address(text, shown):
    assert redact(text) == shown
