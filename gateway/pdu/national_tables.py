"""The national language tables of 23.038 annex A, as data.

They come from one public rendering of the annex. Turkish, Spanish and Portuguese have been read by other
implementations too; for the Indic scripts and Urdu there is no second source, so trust them as far as one reading goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .enums import Language

# What differs from the default alphabet (A.3.1, A.3.3) or stands beside its extension (A.2.1 to A.2.3): septet, character.
LATIN_LOCKING: Mapping[Language, str] = {
    Language.TURKISH: "04€ 07ı 0BĞ 0Cğ 1CŞ 1Dş 40İ 60ç",
    Language.PORTUGUESE: (
        "04ê 06ú 07í 08ó 09ç 0BÔ 0Cô 0EÁ 0Fá 12ª 13Ç 14À 15∞ 16^ 17\\ 18€ 19Ó 1A| 1CÂ 1Dâ 1EÊ "
        "24º 40Í 5BÃ 5CÕ 5DÚ 60~ 7Bã 7Cõ 7D`"
    ),
}
LATIN_SINGLE: Mapping[Language, str] = {
    Language.TURKISH: "47Ğ 49İ 53Ş 63ç 67ğ 69ı 73ş",
    Language.SPANISH: "09ç 41Á 49Í 4FÓ 55Ú 61á 69í 6Fó 75ú",
    Language.PORTUGUESE: (
        "05ê 09ç 0BÔ 0Cô 0EÁ 0Fá 12Φ 13Γ 15Ω 16Π 17Ψ 18Σ 19Θ 1FÊ 41À 49Í 4FÓ 55Ú 5BÃ 5CÕ 61Â 69í 6Fó 75ú 7Bã 7Cõ 7Fâ"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Tables of a script, as two hex digits of a code point inside its Unicode block for each septet; `--` for none."""

    block: int
    locking: str  # for the septets of `SCRIPT_LOCKING`
    single: str  # for the septets of `SCRIPT_SINGLE`, those at the end may be missing


# What the scripts' locking tables share, and the septets where each has characters of its own.
SHARED_LOCKING = "0A\n 0D\r 21! 28) 29( 2C, 2E. 3A: 3B; 3F?"
SHARED_LOCKING_RANGES = (range(0x30, 0x3A), range(0x61, 0x7B))  # digits and small letters, where ASCII has them
SCRIPT_LOCKING = (
    *range(0x0A),
    *(0x0B, 0x0C),
    *range(0x0E, 0x1B),
    *range(0x1C, 0x20),
    *range(0x22, 0x28),
    *(0x2A, 0x2B, 0x2D, 0x2F),
    *(0x3C, 0x3D, 0x3E),
    *range(0x40, 0x61),
    *range(0x7B, 0x80),
)
# The same for the single shift tables; capitals are where ASCII has them.
SHARED_SINGLE = (
    "00@ 01£ 02$ 03¥ 04¿ 05\" 06¤ 07% 08& 09' 0B* 0C+ 0E- 0F/ 10< 11= 12> 13¡ 14^ 15¡ 16_ 17# 18* 28{ 29} 2F\\ "
    "3C[ 3D~ 3E] 40| 65€"
)
SHARED_SINGLE_RANGES = (range(0x41, 0x5B),)
SCRIPT_SINGLE = (0x19, 0x1A, *range(0x1C, 0x28), *range(0x2A, 0x2F), *range(0x30, 0x3C), 0x3F)
# Danda and double danda, which the scripts after Devanagari take out of its block.
DANDA = "19\u0964 1A\u0965"
WITHOUT_DANDA = frozenset({Language.BENGALI, Language.TELUGU, Language.URDU})

SCRIPTS: Mapping[Language, Script] = {
    Language.BENGALI: Script(
        block=0x0900,
        locking=(
            "81828385868788898A8B8C----8F90----939495969798999A9B9C"
            "9D9E9FA0A1A2A3A4A5A6A7A8--AAABACADAEAFB0--B2------B6B7"
            "B8B9BCBDBEBFC0C1C2C3C4----C7C8----CBCCCDCED7DCDDF0F1"
        ),
        single="E6E7E8E9EAEBECEDEEEFDFE0E1E2E3F2F3F4F5F6F7F8F9FA",
    ),
    Language.GUJARATI: Script(
        block=0x0A00,
        locking=(
            "81828385868788898A8B8C8D--8F9091--939495969798999A9B9C"
            "9D9E9FA0A1A2A3A4A5A6A7A8--AAABACADAEAFB0--B2B3--B5B6B7"
            "B8B9BCBDBEBFC0C1C2C3C4C5--C7C8C9--CBCCCDD0E0E1E2E3F1"
        ),
        single="----E6E7E8E9EAEBECEDEEEF",
    ),
    Language.HINDI: Script(
        block=0x0900,
        locking=(
            "01020305060708090A0B0C0D0E0F101112131415161718191A1B1C"
            "1D1E1F202122232425262728292A2B2C2D2E2F3031323334353637"
            "38393C3D3E3F404142434445464748494A4B4C4D50727B7C7E7F"
        ),
        single="----666768696A6B6C6D6E6F5152535458595A5B5C5D5E5F606162637071",
    ),
    Language.KANNADA: Script(
        block=0x0C00,
        locking=(
            "--828385868788898A8B8C--8E8F90--92939495969798999A9B9C"
            "9D9E9FA0A1A2A3A4A5A6A7A8--AAABACADAEAFB0B1B2B3--B5B6B7"
            "B8B9BCBDBEBFC0C1C2C3C4--C6C7C8--CACBCCCDD5D6E0E1E2E3"
        ),
        single="----E6E7E8E9EAEBECEDEEEFDEF1F2",
    ),
    Language.MALAYALAM: Script(
        block=0x0D00,
        locking=(
            "--020305060708090A0B0C--0E0F10--12131415161718191A1B1C"
            "1D1E1F202122232425262728--2A2B2C2D2E2F3031323334353637"
            "3839--3D3E3F4041424344--464748--4A4B4C4D576061626379"
        ),
        single="----666768696A6B6C6D6E6F7071727374757A7B7C7D7E7F",
    ),
    Language.ORIYA: Script(
        block=0x0B00,
        locking=(
            "01020305060708090A0B0C----0F10----131415161718191A1B1C"
            "1D1E1F202122232425262728--2A2B2C2D2E2F30--3233--353637"
            "38393C3D3E3F4041424344----4748----4B4C4D565760616263"
        ),
        single="----666768696A6B6C6D6E6F5C5D5F7071",
    ),
    Language.PUNJABI: Script(
        block=0x0A00,
        locking=(
            "01020305060708090A--------0F10----131415161718191A1B1C"
            "1D1E1F202122232425262728--2A2B2C2D2E2F30--3233--3536--"
            "38393C--3E3F404142--------4748----4B4C4D517071727374"
        ),
        single="----666768696A6B6C6D6E6F595A5B5C5E75",
    ),
    Language.TAMIL: Script(
        block=0x0B00,
        locking=(
            "--828385868788898A------8E8F90--92939495------999A--9C"
            "--9E9F------A3A4------A8A9AA------AEAFB0B1B2B3B4B5B6B7"
            "B8B9----BEBFC0C1C2------C6C7C8--CACBCCCDD0D7F0F1F2F9"
        ),
        single="----E6E7E8E9EAEBECEDEEEFF3F4F5F6F7F8FA",
    ),
    Language.TELUGU: Script(
        block=0x0C00,
        locking=(
            "01020305060708090A0B0C--0E0F10--12131415161718191A1B1C"
            "1D1E1F202122232425262728--2A2B2C2D2E2F30313233--353637"
            "3839--3D3E3F4041424344--464748--4A4B4C4D555660616263"
        ),
        single="----666768696A6B6C6D6E6F585978797A7B7C7D7E7F",
    ),
    Language.URDU: Script(
        block=0x0600,
        locking=(
            "2722287B807EA62AC27F797D7A7C2B2C8184838586872D2E2F8C88"
            "898A8F8D30319193993296989A333435363738394142A9AAABAFB3"
            "B1444546BABBBC48C4D5C1BE21CCD0D24D504F57545551535670"
        ),
        single="0001F0F1F2F3F4F5F6F7F8F90C0D0E0F10111213141B1F4052586B6C7273CDD4",
    ),
}
