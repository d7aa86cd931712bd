"""First and last names by locale, for people who do not exist. Pure."""

from __future__ import annotations

import unicodedata
from functools import cache

# first names | last names
_POOLS = {
    "en-GB": """Oliver George Amelia Isla Harry Florence Arthur Freya Poppy Alfie Edith Rupert Imogen Callum Fiona Rhys
        Cerys Hamish Ailsa Gareth Beatrix Nigel Pippa Tristan Zoë Chloë Renée Ravi Priya Amara Kwame Imran Yasmin |
        Smith Jones Taylor Williams Brown Davies Evans Wilson Thomas Roberts Johnson Lewis Walker Robinson Wood Hughes
        Edwards Green Hall Clarke Patel Khan MacDonald Campbell Brontë Okafor Begum Ahmed Pritchard Llewellyn""",
    "en-IE": """Siobhán Seán Aoife Ciarán Niamh Oisín Róisín Tadhg Caoimhe Eoin Gráinne Conor Sinéad Pádraig Orla Fionn
        Aisling Cormac Bríd Declan Máire Éamon Saoirse Darragh Clodagh Rónán Zofia Kacper |
        Murphy Kelly O'Sullivan Walsh O'Brien Byrne Ryan O'Connor O'Neill Doyle McCarthy Gallagher Doherty Kennedy Lynch
        Ní-Bhriain Ó-Súilleabháin Fitzgerald Nolan Brennan Burke Moran Hegarty Kowalczyk Nowak Mac-Giolla""",
    "en-US": """Liam Emma Noah Olivia Mason Ava Ethan Sophia Logan Mia Jackson Harper Wyatt Ella Hunter Grace Carter
        Madison José María Mateo Sofía Tyler Kayla Malik Aaliyah Wei Mei Minh Linh Diego Renée Björn Savannah |
        Johnson Williams Brown Jones Garcia Miller Davis Rodríguez Martínez Hernández López Wilson Anderson Thomas Moore
        Jackson Lee Pérez Thompson White Harris Clark Ramírez Lewis Nguyễn Chen Kim Muñoz Peña Schröder Begay""",
    "en-CA": """Liam Olivia Noah Charlotte Benjamin Amelia Lucas Sophie William Maya Ethan Chloé Owen Isla Jacob Harper
        Arjun Simran Wei Aiyana Nathan Abigail Zoë Gurpreet Mei Hassan Thandiwe Mikołaj |
        Smith Brown Tremblay Martin Roy Wilson MacDonald Gagnon Johnson Taylor Singh Li Campbell Anderson Wong Leblanc
        Côté Kaur Patel Chen Nguyen Fraser Sinclair Bélanger O'Grady Wójcik""",
    "fr": """Amélie Aurélie Chloé Léa Manon Zoé Inès Hélène Élise Noémie Margaux Céline Maëlle Anaïs Thérèse Jérôme Rémi
        François Étienne Théo Gaël Loïc Benoît Clément Mathéo Noël Raphaël Cédric Fatou Karim Yaël Léopold |
        Martin Bernard Lefèvre Dubois Moreau Laurent Lefebvre Michel Garcia Bertrand Roux Fournier Girard Mercier Dupré
        François Gauthier Béranger Chevalier Lemaître Desprès Étienne Benoît Guérin Traoré Diallo Benali Hébert""",
    "de": """Jürgen Jörg Björn Günther Käthe Änne Lukas Hannah Felix Leonie Maximilian Sophie Paul Marie Jonas Johanna
        Florian Franziska Sebastian Theresa Xaver Zenzi Korbinian Magdalena Benedikt Veronika Ayşe Mehmet Søren Zoë |
        Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schäfer Koch Bauer Huber Gruber Strauß Großmann Weiß
        Köhler Böhm Lößner Krämer Hübner Obermayer Niedermeier Şahin Öztürk Kovačević Vogelsang Groß""",
}
_BY_LOCALE = {"fr-FR": "fr", "fr-BE": "fr", "fr-CH": "fr", "fr-CA": "fr", "de-DE": "de", "de-AT": "de", "de-CH": "de"}
_UNFOLDED = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "'": "", "-": "", " ": ""})


@cache
def pool(locale: str) -> tuple[list[str], list[str]]:
    """First and last names of people who live with `locale`. Of a hyphenated Irish name the hyphen is a space."""
    first, last = _POOLS[_BY_LOCALE.get(locale, locale)].split("|")
    return first.split(), [name.replace("-", " ") for name in last.split()]


@cache
def ascii_letters(name: str) -> str:
    """As it stands in an address: Siobhán is siobhan, Strauß is strauss."""
    letters = unicodedata.normalize("NFKD", name.lower().translate(_UNFOLDED))
    return letters.encode("ascii", "ignore").decode()
