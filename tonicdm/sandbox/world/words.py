"""Words that the seeded firm is made of, with letters beyond ASCII, quotes and markup where real data have them."""

from __future__ import annotations

# ruff: noqa: SIM905 - a line of names is read more easily than a column of them
FIRST_NAMES = (
    "Eddie Patti Mel Rita Stuart Zoë José Ana Björn Siân Łukasz Nadia Omar Priya Quentin Ruth Søren Tariq Una Viktor"
    " Wei Ximena Yusuf Zhanna Aoife Bruno Chloé Dmitri Elif Fatima Gunnar Hélène"
).split()
LAST_NAMES = (
    "O'Brien Müller García Nguyen Smith Kowalski Haddad Okafor Lindqvist Tanaka Rossi Dvořák Silva Cohen Murphy Iyer"
    " Fischer Novak Laurent Papadopoulos Andersen Kim Reyes Walsh Becker Santos Ahmed Larsson Moreau Costa Weber Singh"
).split()
TITLES = ("Architect", "Project Manager", "Principal", "Structural Engineer", "Estimator", "Site Manager", "Counsel")
COMPANY_WORDS = (
    "Atlas Argo Harbor Summit Cedar Granite Meridian Nordic Keystone Delta Aurora Cobalt Falcon Juniper Lumen Onyx"
).split()
TRADES = ("Structural", "Builders", "Engineers", "Architects", "Mechanical", "Interiors", "Surveyors", "& Sons")
CITIES = ("London", "Dublin", "München", "São Paulo", "Seattle", "Zürich", "Québec", "Austin", "Kraków", "Oslo")
STREETS = ("Harbour Street", "Station Road", "Königsallee", "Rue de l'Église", "5th Avenue", "Main Street")
BUILDINGS = ("Airport Terminal", "City Hall", "Stadium", "Children's Hospital", "Library", "Bridge", "School", "Tower")
SUBJECTS = (
    "Clarify beam at grid C/4", "Door schedule, level 2", 'Fire rating of wall "W-3"', "Anchor bolt embedment",
    "Conflict <duct vs. joist>", "Curtain wall sample", "Façade colour", "Slab edge & waterproofing",
)  # fmt: skip
DISCIPLINES = (
    ("AR", "ARCH", "Architecture"), ("ST", "STRU", "Structural Engineering"), ("ME", "MECH", "Mechanical Engineering"),
    ("EL", "ELEC", "Electrical Engineering"), ("GC", "GENC", "General Contractor"), ("OW", "OWNR", "Owner"),
    ("CI", "CIVL", "Civil Engineering"), ("LA", "LAND", "Landscape Architecture"), ("IN", "INTR", "Interior Design"),
    ("FP", "FIRE", "Fire Protection"), ("AC", "ACOU", "Acoustics"), ("GE", "GEOT", "Geotechnical Engineering"),
)  # fmt: skip
CERTIFICATIONS = ("LEED AP", "Licensed Architect", "Professional Engineer", "WELL AP", "Minority-owned", "ISO 19650")
FILE_TYPES = (
    ("pdf", "pdf"), ("dwg", "cad"), ("jpg", "image"), ("rvt", "3d"), ("msg", "email"), ("mp4", "audio-video"),
    ("pptx", "presentations"), ("zip", "none"),
)  # fmt: skip
ZONES = ("us", "de", "ie")
PLATFORMS = ("egnyte", "sharepoint", "msgraph", "procore", "acc")
STAGES = ("open", "forwarded", "void", "open", "closed", "open", "forwarded", "closed")
