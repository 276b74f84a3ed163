"""Codes of languages: those of Whisper, and what a meeting can say instead of one language.

Pure, so that the settings can read it.
"""

DETECT = "detect"  # one language, which the vendor finds out for each recording
MULTI = "multi"  # several languages in one recording
MODES = (DETECT, MULTI)

# As `LANGUAGES` in https://github.com/openai/whisper/blob/main/whisper/tokenizer.py
_OF_WHISPER = """
    en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml
    cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am
    yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue
"""
WHISPER = tuple(_OF_WHISPER.split())


def tag(code: str) -> str:
    """Return the language tag (BCP 47) of a code, for `lang` attributes; "" for a mode, which is no language."""
    if code in MODES:
        return ""
    return "jv" if code == "jw" else code  # Whisper's code for Javanese was withdrawn from the standard
