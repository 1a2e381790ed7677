"""What a person recognises a device by: browser and system, from the User-Agent header."""
import re

INFO_MAX = 256

BROWSERS = ((re.compile(r"Edg(?:A|iOS)?/(\d+)"), "Edge"), (re.compile(r"OPR/(\d+)"), "Opera"),
            (re.compile(r"(?:Firefox|FxiOS)/(\d+)"), "Firefox"), (re.compile(r"(?:Chrome|CriOS)/(\d+)"), "Chrome"),
            (re.compile(r"Version/(\d+)[\d.]* (?:Mobile/\w+ )?Safari/"), "Safari"))
SYSTEMS = (("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
           ("CrOS", "ChromeOS"), ("Linux", "Linux"))


def describe(user_agent: str) -> str:
    browser = next((f"{name} {m[1]}" for pattern, name in BROWSERS if (m := pattern.search(user_agent))), None)
    system = next((name for mark, name in SYSTEMS if mark in user_agent), None)
    if browser is not None:
        return f"{browser} on {system}" if system else browser
    return shorten(user_agent) or "unknown"


def shorten(text: str) -> str:
    """At most what the contract takes, in bytes, without cutting a character."""
    return text.encode("utf-8", "replace")[:INFO_MAX].decode("utf-8", "ignore")
