"""What the app remembers, by the user whose it is: asked for by anybody else, it is not there."""
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field

EACH_MAX = 200      # of either, per user


@dataclass
class Recording:
    object_id: str          # crypto's; the sound itself is there, encrypted
    media_type: str
    size: int


@dataclass
class Lesson:
    title: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    recording: Recording | None = None


@dataclass
class PaymentMethod:
    brand: str
    last4: str
    reference: bytes        # as crypto.encrypt returned it


class Store:
    def __init__(self) -> None:
        self._lessons: defaultdict[str, dict[str, Lesson]] = defaultdict(dict)
        self._methods: defaultdict[str, list[PaymentMethod]] = defaultdict(list)

    def add_lesson(self, user_id: str, title: str) -> Lesson | None:
        """None when the user has as many as may be."""
        if len(self._lessons[user_id]) >= EACH_MAX:
            return None
        lesson = Lesson(title)
        self._lessons[user_id][lesson.id] = lesson
        return lesson

    def lesson(self, user_id: str, lesson_id: str) -> Lesson | None:
        return self._lessons[user_id].get(lesson_id)

    def lessons(self, user_id: str) -> list[Lesson]:
        """Newest first."""
        return list(reversed(self._lessons[user_id].values()))

    def add_method(self, user_id: str, method: PaymentMethod) -> bool:
        """False when the user has as many as may be."""
        if len(self._methods[user_id]) >= EACH_MAX:
            return False
        self._methods[user_id].append(method)
        return True

    def methods(self, user_id: str) -> list[PaymentMethod]:
        return self._methods[user_id]
