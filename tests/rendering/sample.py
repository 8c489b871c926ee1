"""A number of a newsletter about meetings, in three languages: what the tests render."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from mailer import files
from mailer.language import Languages, languages
from mailer.rendering import (
    DigestContent,
    DocumentCard,
    Head,
    House,
    Identity,
    ItemCard,
    Kind,
    LetterContent,
    ListCard,
    Notice,
    Partner,
    PictureCard,
    Section,
    SenderCard,
    Templates,
    Values,
)

WEB = "https://office.example.org/news"

SENDER = SenderCard(
    name="ROCB Asia/Pacific",
    address="news@office.example.org",
    reply_to="desk@office.example.org",
    postal_address="Regional Office for Capacity Building\n1 Harbour Road, Bangkok 10110\nThailand",
)

HOUSE = House(
    organisation="ROCB Asia/Pacific",
    contact="desk@office.example.org",
    partners=(
        Partner("World Customs Organization", "https://www.wcoomd.example.org/"),
        Partner("Regional Training Centre", "https://training.example.org/"),
    ),
)

LIST = ListCard(
    slug="meetings",
    name="Meeting News",
    identifier="meetings.lists.office.example.org",
    language="en",
    page_url=f"{WEB}/l/meetings",
    description="Reports on meetings of customs administrations, about twice a month.",
    archive_url=f"{WEB}/l/meetings/archive",
)

GLOBAL_MEETING = ItemCard(
    title="Regional offices meet in Brussels and look for common standards",
    body=(
        "Delegates of the regional entities of all six WCO regions came to Brussels, or joined "
        "by video, for the **17th Global Meeting**. Four colleagues of our office were there in "
        "person; Norikazu Kuramoto, who heads it, chaired the two days.\n\n"
        "He told the plenary about the newest member of the organization, Solomon Islands, and "
        "gave the meetings of heads of training centres and of laboratories as examples of work "
        "done well together. The delegates:\n\n"
        "- compared the newest tools of each directorate,\n"
        "- reported on progress in their regions, and\n"
        "- elected Mr Kuramoto to chair the meeting of 2024 as well.\n\n"
        "The papers are on [the page of the meeting](https://office.example.org/meetings/17)."
    ),
    starts=date(2023, 2, 20),
    ends=date(2023, 2, 21),
    place="Brussels, Belgium",
    topic="Capacity building",
    organiser="WCO",
    link="https://office.example.org/reports/global-meeting-17",
)

TRAINING = ItemCard(
    title="Heads of training centres agree on a shared calendar",
    body="From April, courses of the six regions stand in one calendar, kept in Kuala Lumpur.",
    starts=datetime(2023, 2, 8, 1, 0, tzinfo=UTC),
    ends=datetime(2023, 2, 8, 8, 30, tzinfo=UTC),
    timezone="Asia/Tokyo",
    place="Kashiwa, Japan",
    topic="Capacity building",
    link="https://office.example.org/reports/training-centres",
)

LABORATORIES = ItemCard(
    title="Laboratories test each other’s results",
    body=(
        "Eleven laboratories analysed the same twelve samples.\n\n"
        "| Substance | Agreed | Differed |\n|---|--:|--:|\n| Polymers | 11 | 0 |\n"
        "| Fats and oils | 9 | 2 |"
    ),
    starts=date(2023, 1, 30),
    place="Online",
    topic="Laboratories",
    link="https://office.example.org/reports/laboratories",
)

DOGS = ItemCard(
    title="A new class begins at the dog training centre",
    body="Six handlers from four administrations train until May.",
    starts=date(2023, 2, 13),
    ends=date(2023, 5, 12),
    place="Yeongjong, Korea",
    topic="Enforcement",
)

LIAISON = ItemCard(
    title="Liaison office reports fewer, larger seizures",
    body="The yearly report counts **412 cases**, a tenth fewer than the year before.",
    topic="Enforcement",
    link="https://office.example.org/reports/liaison-2022?part=summary&lang=en",
)

NEXT_COMMITTEE = ItemCard(
    title="Capacity Building Committee, 14th session",
    starts=date(2023, 4, 17),
    ends=date(2023, 4, 19),
    place="Brussels, Belgium",
    link="https://office.example.org/calendar/cbc-14",
)

NEXT_WEBINAR = ItemCard(
    title="Webinar on time release studies",
    starts=datetime(2023, 3, 15, 5, 0, tzinfo=UTC),
    ends=datetime(2023, 3, 15, 6, 30, tzinfo=UTC),
    timezone="Asia/Bangkok",
    place="Online",
)

DIGEST = DigestContent(
    mailing_list=LIST,
    sender=SENDER,
    house=HOUSE,
    number=12,
    dated_on=date(2023, 2, 24),
    subject="Brussels: regional offices agree on common standards",
    language="en",
    introduction=(
        "The regional offices met in Brussels this week, and much of what they agreed "
        "concerns our region. Also in this issue: laboratories, dogs, and two dates to note."
    ),
    sections=(
        Section("Capacity building", (GLOBAL_MEETING, TRAINING)),
        Section("Laboratories", (LABORATORIES,)),
        Section("Enforcement", (DOGS, LIAISON)),
    ),
    coming_up=(NEXT_WEBINAR, NEXT_COMMITTEE),
    view_url=f"{WEB}/l/meetings/12",
)

JAPANESE = replace(
    DIGEST,
    mailing_list=replace(
        LIST,
        name="会議ニュース",
        language="ja",
        description="税関当局の会議についての報告を、月に2回ほどお届けします。",
    ),
    subject="ブリュッセルで地域事務所の世界会合、共通の基準づくりへ",
    language="ja",
    introduction=(
        "今週、各地域の事務所の代表がブリュッセルに集まりました。"
        "合意の多くは私たちの地域にも関わるものです。分析所と探知犬の話題、4月の予定もお伝えします。"
    ),
    sections=(
        Section(
            "能力構築",
            (
                ItemCard(
                    title="地域事務所がブリュッセルに集まり、共通の基準を話し合う",
                    body=(
                        "WCOの6地域すべてから代表が集まり、**第17回世界会合**が対面とオンラインで"
                        "開かれました。当事務所からは4名が現地で参加し、倉本所長が議長を務めました。"
                        "\n\n全体会合では、ソロモン諸島が新たに加盟したこと、また研修センター長会合と"
                        "分析所長会合が協力の好例であることが紹介されました。倉本所長は2024年の会合でも"
                        "議長を務めます。資料は[会合のページ](https://office.example.org/meetings/17)"
                        "にあります。"
                    ),
                    starts=date(2023, 2, 20),
                    ends=date(2023, 2, 21),
                    place="ベルギー、ブリュッセル",
                    topic="能力構築",
                    organiser="WCO",
                    language="ja",
                    link="https://office.example.org/reports/global-meeting-17",
                ),
                replace(
                    TRAINING,
                    title="研修センター長が共通の日程表に合意",
                    body="4月から、6地域の研修が一つの日程表にまとまります。",
                    place="日本、柏市",
                    topic="能力構築",
                    language="ja",
                ),
            ),
        ),
    ),
    coming_up=(
        replace(
            NEXT_WEBINAR,
            title="通関所要時間調査についてのウェビナー",
            place="オンライン",
            language="ja",
        ),
        replace(NEXT_COMMITTEE, title="能力構築委員会　第14回会合", place="ブリュッセル"),
    ),
)

ARABIC = replace(
    DIGEST,
    mailing_list=replace(LIST, name="أخبار الاجتماعات", language="ar"),
    subject="بروكسل: المكاتب الإقليمية تتفق على معايير مشتركة",
    language="ar",
    introduction=(
        "اجتمعت المكاتب الإقليمية في بروكسل هذا الأسبوع، ويخص كثير مما اتفقت عليه منطقتنا."
    ),
    sections=(
        Section(
            "بناء القدرات",
            (
                ItemCard(
                    title="المكاتب الإقليمية تجتمع في بروكسل وتبحث عن معايير مشتركة",
                    body=(
                        "حضر مندوبون من المناطق الست **الاجتماع العالمي السابع عشر** في بروكسل أو "
                        "عبر الفيديو، وترأسه السيد كوراموتو (ROCB A/P).\n\n"
                        "الوثائق متاحة في [صفحة الاجتماع](https://office.example.org/meetings/17)."
                    ),
                    starts=date(2023, 2, 20),
                    ends=date(2023, 2, 21),
                    place="بروكسل، بلجيكا",
                    topic="بناء القدرات",
                    organiser="WCO",
                    language="ar",
                    link="https://office.example.org/reports/global-meeting-17",
                ),
                TRAINING,
            ),
        ),
    ),
    coming_up=(replace(NEXT_COMMITTEE, title="لجنة بناء القدرات، الدورة الرابعة عشرة"),),
)

PICTURE = PictureCard(
    url=f"{WEB}/m/{'5' * 64}.jpg",
    width=600,
    height=400,
    size=48_200,
    large_url=f"{WEB}/m/{'7' * 64}.jpg",
    alt="Twelve delegates stand on the steps of the headquarters.",
    caption="The seventeenth Global Meeting",
    credit="Photo by Kim Lee",
)

TALL_PICTURE = replace(
    PICTURE,
    url=f"{WEB}/m/{'6' * 64}.jpg",
    width=450,
    height=600,
    alt="A teacher points at a calendar on the wall.",
    caption="",
)
SMALL_PICTURE = replace(
    PICTURE,
    url=f"{WEB}/m/{'8' * 64}.png",
    width=300,
    height=120,
    alt="Three bars: 40, 60 and 100 hours.",
    caption="",
    credit="",
)

ILLUSTRATED = replace(
    DIGEST,
    sections=(
        Section(
            "Capacity building",
            (
                replace(
                    GLOBAL_MEETING,
                    picture=PICTURE,
                    documents=(
                        DocumentCard("Agenda", f"{WEB}/m/{'a' * 64}/Agenda.pdf", "PDF", 340_400),
                        DocumentCard("Papers of the meeting", "https://office.example.org/papers"),
                        DocumentCard("Recording", "https://office.example.org/17.mp4", "MP4"),
                    ),
                ),
                replace(TRAINING, picture=TALL_PICTURE),
            ),
        ),
        Section(
            "Next",
            (
                replace(
                    NEXT_WEBINAR,
                    body="By video.",
                    picture=SMALL_PICTURE,
                    calendar_url=f"{WEB}/e/1AbCdEf.ics",
                ),
            ),
        ),
    ),
    coming_up=(replace(NEXT_WEBINAR, calendar_url=f"{WEB}/e/1AbCdEf.ics"), NEXT_COMMITTEE),
)
"""With pictures lying, standing and small; with documents; and with a date to come."""

VALUES = Values(
    address="kim.lee@example.net",
    name="Kim Lee",
    leave_url=f"{WEB}/u/1AbCdEfGhIjKlMnOpQrStUvWxYz0123456",
    confirm_url=f"{WEB}/c/1ZyXwVuTsRqPoNmLkJiHgFeDcBa654321_",
    refuse_url=f"{WEB}/n/1QqWwEeRrTtYyUuIiOoPpAaSsDdFf12345",
    preferences_url=f"{WEB}/p/1LkJhGfDsAqWeRtYuIoPzXcVbNm123456",
    access_url=f"{WEB}/me/1MnBvCxZlKjHgFdSaPoIuYtReWq654321",
    move_url=f"{WEB}/move/1PlOkMiJnUhBygVtFcRdXeSzWaQ246813",
    undo_url=f"{WEB}/stay/1QaZwSxEdCrFvTgByHnUjMiKoLp135792",
    other_address="k…@example.com",
    room_url=f"{WEB}/rooms/password/1WsXeDcRfVtGbYhNuJmIkOlPqAz975310",
)

NOTICE = Notice(
    "The route “smtp” has paused",
    (
        "The relay answered 535 5.7.8 to our sign-in at 09:00. Nobody was failed; 812 wait.",
        "Correct the password in config.toml, then run:\nmailer route resume smtp",
    ),
)


def templates(*folders: Path, spoken: Languages | None = None) -> Templates:
    """Give our templates, with folders of an owner's before them."""
    return Templates([*folders, files.templates()], spoken or languages())


def letter(kind: Kind, language: str = "en", **more: Any) -> LetterContent:
    """Give a letter of this kind about the sample list."""
    notice = {"notice": _said(kind)} if kind.is_of_office else {"mailing_list": LIST}
    return LetterContent(kind=kind, sender=SENDER, house=HOUSE, language=language, **notice, **more)


def _said(kind: Kind) -> Notice:
    return NOTICE if kind is Kind.NOTICE else replace(NOTICE, button="Open the rooms")


def head(**more: Any) -> Head:
    """Give what stands in the head of all messages of the sample digest."""
    settled: dict[str, Any] = {
        "sender": SENDER,
        "mailing_list": LIST,
        "archived_at": DIGEST.view_url,
        "campaign": "meetings-12",
    }
    return Head(**{**settled, **more})


def identity(**more: Any) -> Identity:
    """Give what makes one message of the sample digest."""
    settled: dict[str, Any] = {
        "message_id": "7f3k2m5q@office.example.org",
        "date": datetime(2023, 2, 24, 9, 0, tzinfo=UTC),
        "one_click": True,
    }
    return Identity(**{**settled, **more})
