"""Numbers of a newsletter in scripts that break what was made for Latin: Thai, Korean, Hebrew.

Thai has no spaces between words and marks above and below its letters; Korean is broken at its
spaces; Hebrew runs from right to left. `MIXED` is an English number with an item in each.
"""

from dataclasses import replace
from datetime import UTC, date, datetime

from mailer.rendering import DigestContent, ItemCard, Section
from tests.rendering.sample import ARABIC, DIGEST, GLOBAL_MEETING, LIST

THAI_ITEM = ItemCard(
    title="สำนักงานภูมิภาคประชุมที่กรุงบรัสเซลส์เพื่อหามาตรฐานร่วมกัน",
    body=(
        "ผู้แทนจากทั้งหกภูมิภาคเข้าร่วม**การประชุมระดับโลกครั้งที่ ๑๗** ที่กรุงบรัสเซลส์หรือผ่านวิดีโอ "
        "ผู้อำนวยการสำนักงานของเราทำหน้าที่ประธานตลอดทั้งสองวัน\n\n"
        "ที่ประชุมเห็นชอบให้ใช้ปฏิทินร่วม อ่านเอกสารได้ที่"
        "[หน้าของการประชุม](https://office.example.org/meetings/17)"
    ),
    starts=date(2023, 2, 20),
    ends=date(2023, 2, 21),
    place="กรุงบรัสเซลส์ ประเทศเบลเยียม",
    topic="การพัฒนาขีดความสามารถ",
    language="th",
    link="https://office.example.org/reports/global-meeting-17",
)

KOREAN_ITEM = ItemCard(
    title="지역사무소, 브뤼셀에서 만나 공동 기준을 논의하다",
    body=(
        "여섯 개 지역의 대표가 브뤼셀에 모이거나 화상으로 참석하여 "
        "**제17차 세계 회의**를 열었습니다. "
        "우리 사무소에서는 네 명이 현장에 참석했으며, 소장이 이틀 동안 의장을 맡았습니다.\n\n"
        "자료는 [회의 페이지](https://office.example.org/meetings/17)에 있습니다."
    ),
    starts=datetime(2023, 2, 8, 1, 0, tzinfo=UTC),
    ends=datetime(2023, 2, 8, 8, 30, tzinfo=UTC),
    timezone="Asia/Seoul",
    place="대한민국 서울",
    topic="역량 강화",
    language="ko",
    link="https://office.example.org/reports/training-centres",
)

HEBREW_ITEM = ItemCard(
    title="המשרדים האזוריים נפגשים בבריסל ומחפשים תקנים משותפים",
    body=(
        "נציגים מכל ששת האזורים הגיעו ל**פגישה העולמית ה־17** בבריסל או הצטרפו בווידאו; "
        "מר קורמוטו (ROCB A/P) ניהל את שני הימים.\n\n"
        "המסמכים נמצאים ב[דף הפגישה](https://office.example.org/meetings/17)."
    ),
    starts=date(2023, 2, 20),
    ends=date(2023, 2, 21),
    place="בריסל, בלגיה",
    topic="בניית יכולות",
    organiser="WCO",
    language="he",
    link="https://office.example.org/reports/global-meeting-17",
)

ARABIC_ITEM = ARABIC.items[0]

THAI = replace(
    DIGEST,
    mailing_list=replace(LIST, name="ข่าวการประชุม", language="th"),
    subject="บรัสเซลส์: สำนักงานภูมิภาคเห็นชอบมาตรฐานร่วม",
    language="th",
    introduction=("สัปดาห์นี้สำนักงานภูมิภาคได้ประชุมกันที่กรุงบรัสเซลส์ และข้อตกลงหลายข้อเกี่ยวข้องกับภูมิภาคของเรา"),
    sections=(Section("การพัฒนาขีดความสามารถ", (THAI_ITEM, GLOBAL_MEETING)),),
    coming_up=(replace(THAI_ITEM, starts=date(2023, 4, 17), ends=date(2023, 4, 19)),),
)

KOREAN = replace(
    DIGEST,
    mailing_list=replace(LIST, name="회의 소식", language="ko"),
    subject="브뤼셀: 지역사무소, 공동 기준에 합의",
    language="ko",
    introduction=(
        "이번 주 지역사무소가 브뤼셀에서 만났고, "
        "합의한 내용의 많은 부분이 우리 지역과도 관련됩니다."
    ),
    sections=(Section("역량 강화", (KOREAN_ITEM, GLOBAL_MEETING)),),
    coming_up=(replace(KOREAN_ITEM, starts=date(2023, 4, 17), ends=date(2023, 4, 19)),),
)

HEBREW = replace(
    DIGEST,
    mailing_list=replace(LIST, name="חדשות הפגישות", language="he"),
    subject="בריסל: המשרדים האזוריים מסכימים על תקנים",
    language="he",
    introduction="המשרדים האזוריים נפגשו השבוע בבריסל, והרבה ממה שסוכם נוגע לאזור שלנו.",
    sections=(Section("בניית יכולות", (HEBREW_ITEM, GLOBAL_MEETING)),),
    coming_up=(replace(HEBREW_ITEM, starts=date(2023, 4, 17), ends=date(2023, 4, 19)),),
)

MIXED: DigestContent = replace(
    DIGEST,
    sections=tuple(
        Section(item.topic, (item,))
        for item in (GLOBAL_MEETING, THAI_ITEM, KOREAN_ITEM, HEBREW_ITEM, ARABIC_ITEM)
    ),
    coming_up=tuple(
        replace(item, starts=date(2023, 4, 17), ends=date(2023, 4, 19))
        for item in (THAI_ITEM, KOREAN_ITEM, HEBREW_ITEM, ARABIC_ITEM)
    ),
)

EVERY = {"th": THAI, "ko": KOREAN, "he": HEBREW, "ar": ARABIC, "mixed": MIXED}
