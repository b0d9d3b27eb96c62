"""Short files in many encodings: what they are taken for."""

import pytest

from gatewise.base.errors import DataError
from gatewise.text.encodings import (
    SAMPLE_SIZE,
    detect_encoding,
    encoding_note,
    has_mark,
    is_utf8,
)

CHINESE = ["我的订单还没有到", "请问如何退款", "密码忘记了怎么办", "快递太慢了", "商品质量很差"]
WESTERN = {
    "French": ["Où est mon colis ?", "déjà payé", "l'été à Besançon", "ça ne marche pas"],
    "German": ["Die Größe passt nicht", "Bitte löschen Sie mein Konto", "Schöne Grüße"],
    "Spanish": ["¿Dónde está mi pedido?", "contraseña", "¡Qué rápido!"],
    "Portuguese": ["não recebi o cartão", "devolução", "três opções", "informação"],
    "Italian": ["perché non funziona", "la città è più bella", "caffè"],
    "Swedish": ["jag har inte fått paketet", "återbetalning", "lösenord"],
    "French and German": ["où est mon prêt", "élève à Orléans", "für Käufer", "Größe", "ça"],
    "typographic English": ["“Where is it?”", "it’s broken", "don’t know", "50 €", "a – b"],
}
OTHERS = {
    "cp1250": ["Proszę o zwrot pieniędzy", "nie działa hasło", "zgłaszam błąd", "paczkę później"],
    "cp1254": ["şifremi unuttum", "ürün bozuk çıktı", "teşekkürler", "nasıl yaparım"],
    "cp1251": ["верните деньги", "не работает пароль", "где мой заказ", "товар сломан"],
    "cp949": ["환불해 주세요", "비밀번호를 잊어버렸어요", "주문한 물건이 아직 오지 않았습니다"],
    "big5": ["我的訂單還沒有到", "請問如何退款", "密碼忘記了怎麼辦", "謝謝"],
    "cp932": ["カードがATMに飲み込まれました", "返金してください", "パスワードを忘れました"],
    "euc_jp": ["カードがATMに飲み込まれました", "返金してください", "パスワードを忘れました"],
    "cp1255": ["הכרטיס שלי נתקע בכספומט", "איפה ההזמנה שלי"],
    "cp1256": ["علقت بطاقتي في الصراف الآلي", "أريد استرداد المال"],
    "cp874": ["บัตรของฉันติดอยู่ในตู้เอทีเอ็ม", "ลืมรหัสผ่าน"],
    "koi8_r": ["верните деньги", "не работает пароль", "где мой заказ", "товар сломан"],
    "cp866": ["верните деньги", "не работает пароль", "где мой заказ", "товар сломан"],
    "cp1258": ["ti\u0301nh tiê\u0300n không đu\u0301ng", "tha\u0309i hô\u0300i thư"],
    "cp1253": ["θέλω επιστροφή χρημάτων", "ξέχασα τον κωδικό", "ευχαριστώ πολύ"],
}


def table(texts):
    return "text,label\n" + "".join(f"{text},queue {i % 2}\n" for i, text in enumerate(texts))


def detect(texts, encoding):
    return detect_encoding(table(texts).encode(encoding))


def test_utf8_and_ascii_need_no_note():
    sample = table(CHINESE).encode()
    assert detect_encoding(sample) == "utf-8"
    assert encoding_note(sample, "utf-8") is None
    assert detect_encoding(b"text,label\n") == "utf-8"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_marks_are_obeyed(encoding):
    sample = table(CHINESE).encode(encoding)
    found = detect_encoding(sample)
    assert has_mark(sample)
    assert sample.decode(found).removeprefix("\ufeff") == table(CHINESE)
    assert (encoding_note(sample, found) is None) == (encoding == "utf-8-sig")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_its_mark_is_known_by_its_zero_bytes(encoding):
    assert detect_encoding(table(["hello", "café"]).encode(encoding)) == encoding


def test_a_single_nul_byte_makes_no_utf16():
    assert detect_encoding(b"text,label\na\0b,x\n") == "utf-8"


@pytest.mark.parametrize("n_texts", range(1, 6))
def test_short_chinese_files_are_gb18030(n_texts):
    sample = table(CHINESE[:n_texts]).encode("gb18030")
    assert detect_encoding(sample) == "gb18030"
    assert encoding_note(sample, "gb18030") == "not UTF-8, read as gb18030"


@pytest.mark.parametrize("word", ["物流", "订单查询", "很好", "不错的", "发票", "优惠券失效"])
def test_a_single_chinese_word_is_gb18030(word):
    assert detect_encoding(table([word]).encode("gb18030")) == "gb18030"


@pytest.mark.parametrize("language", WESTERN)
def test_western_files_are_cp1252(language):
    texts = WESTERN[language]
    for n_texts in range(1, len(texts) + 1):
        sample = table(texts[:n_texts]).encode("cp1252")
        assert sample.decode(detect_encoding(sample)) == table(texts[:n_texts])


def test_one_cafe_in_three_lines_is_cp1252():
    sample = table(["the café is closed", "refund please"]).encode("cp1252")
    assert detect_encoding(sample) == "cp1252"
    assert encoding_note(sample, "cp1252") == "not UTF-8, read as cp1252"


@pytest.mark.parametrize("encoding", OTHERS)
def test_other_languages_are_read_as_written(encoding):
    sample = table(OTHERS[encoding]).encode(encoding)
    assert sample.decode(detect_encoding(sample)) == table(OTHERS[encoding])


def test_utf8_with_a_few_broken_bytes_stays_utf8():
    sample = table(CHINESE).encode() + b"broken \xff here,x\n"
    assert detect_encoding(sample) == "utf-8"
    assert "broken bytes" in encoding_note(sample, "utf-8")


def test_lines_of_two_encodings_are_not_garbled():
    sample = table(["déjà payé"]).encode() + "café à,x\n".encode("cp1252")
    assert detect_encoding(sample) == "utf-8"


def test_a_long_file_is_read_as_a_short_one():
    """Charset-normalizer recognised none of 40 such lines, and made Russian of Hebrew."""
    for encoding in ("cp932", "cp1255"):
        for n_times in (1, 40):
            texts = OTHERS[encoding][:1] * n_times
            assert table(texts).encode(encoding).decode(detect(texts, encoding)) == table(texts)


def test_capitals_of_cyrillic_are_not_taken_for_another_code_page():
    texts = [text.upper() for text in OTHERS["cp1251"]]
    assert detect(texts, "cp1251") == "cp1251"
    assert detect(texts, "koi8_r") == "koi8_r"


def test_an_accented_capital_of_greek_is_no_quotation_mark():
    assert detect([*OTHERS["cp1253"], *["Άλλο"] * 20], "cp1253") == "cp1253"


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"PAR1", b"%PDF", b"\xd0\xcf\x11\xe0"])
def test_files_of_other_kinds_are_named(start):
    with pytest.raises(DataError, match=r"^tickets\.csv is an? .* by its first bytes"):
        detect_encoding(start + b"\x00\x01\xff", "tickets.csv")


def test_noise_is_in_no_encoding():
    noise = bytes(range(128, 256)) * 4
    with pytest.raises(DataError, match="no encoding that can be recognised; save it as UTF-8"):
        detect_encoding(noise)


def test_a_long_sample_may_end_inside_a_character():
    text = "é" * SAMPLE_SIZE
    assert is_utf8(text.encode()[: SAMPLE_SIZE + 1])
    assert not is_utf8("aé".encode()[:2])
