"""What the fields are called in other people's files, in plain letters without accents or spaces. Pure data."""

from __future__ import annotations

_PERSON = {
    "external_id": (
        "externalid customerid custid clientid userid memberid personid contactid customernumber customerno "
        "customerref accountid accountnumber loyaltyid cardnumber kundennummer kundennr kundenid mitgliedsnummer "
        "numeroclient noclient codeclient idclient numeroadherent idcliente codigocliente numerocliente codicecliente "
        "klantnummer klantid klantnr numerklienta idklienta asiakasnumero kundnummer kundenummer"
    ),
}
SYNONYMS: dict[str, dict[str, str]] = {
    "customers": {
        "external_id": f"{_PERSON['external_id']} id number",
        "email": (
            "email mail emailaddress mailaddress eemail emailadresse mailadresse adressemail adresseemail "
            "adresseelectronique courriel correo correoelectronico correoe emailadres indirizzoemail postaelettronica "
            "adresemail epost epostadresse sahkoposti enderecodeemail"
        ),
        "phone": (
            "phone telephone tel mobile mobilephone mobilenumber phonenumber cell cellphone sms telefon telefonnummer "
            "handy handynummer mobil mobilnummer portable telephoneportable numerodetelephone telefono movil celular "
            "cellulare telefoon mobiel telefoonnummer telefone telemovel komorka numertelefonu puhelin"
        ),
        "first_name": (
            "firstname givenname forename fname vorname prenom nombre nome voornaam imie etunimi fornavn fornamn"
        ),
        "last_name": (
            "lastname surname familyname lname nachname familienname nom nomdefamille apellido apellidos cognome "
            "achternaam sobrenome apelido nazwisko sukunimi etternavn efternavn efternamn"
        ),
        "city": "city town ort stadt wohnort ville ciudad localidad citta stad plaats woonplaats cidade miasto by",
        "country": "country countrycode nation land staat pays pais paese kraj maa",
        "timezone": "timezone tz zeitzone fuseauhoraire zonahoraria fusoorario tijdzone strefaczasowa",
        "locale": "locale language lang sprache langue idioma lingua taal jezyk kieli",
        "consent_email": "consentemail emailconsent emailoptin optinemail newsletter newsletteroptin marketingemail",
        "consent_sms": "consentsms smsconsent smsoptin optinsms marketingsms",
        "consent_push": "consentpush pushconsent pushoptin optinpush",
    },
    "events": {
        "event_id": (
            "eventid id orderid ordernumber orderno transactionid receiptnumber receiptid invoiceno invoicenumber "
            "bestellnummer auftragsnummer belegnummer rechnungsnummer numerocommande idcommande numeropedido idpedido "
            "numeroordine idordine bestelnummer ordernummer numerzamowienia"
        ),
        "external_id": _PERSON["external_id"],
        "name": "name event eventname eventtype type action ereignis evenement evento gebeurtenis zdarzenie",
        "occurred_at": (
            "occurredat date datetime time timestamp createdat orderdate orderedat purchasedate invoicedate eventtime "
            "eventdate datum zeit zeitpunkt bestelldatum kaufdatum datecommande dateachat heure fecha fechapedido "
            "data dataordine besteldatum datazamowienia"
        ),
        "value": (
            "value amount total sum revenue price ordervalue ordertotal grandtotal betrag summe umsatz wert gesamt "
            "montant prix valeur importe monto precio valor importo prezzo totale bedrag prijs kwota wartosc"
        ),
        "currency": "currency currencycode waehrung wahrung devise monnaie moneda divisa valuta moeda waluta",
        "properties.category": "category department kategorie warengruppe categorie categoria kategoria",
    },
    "products": {
        "sku": (
            "sku id productid productcode itemid itemnumber articleid articlenumber artikelnummer artikelnr "
            "referenceproduit reference codearticle referencia codigoproducto codicearticolo artikelcode ean gtin"
        ),
        "name": "name title productname bezeichnung artikelname produktname nom titre nombre titulo nome naam nazwa",
        "url": "url link productlink producturl weblink lien enlace",
        "image_url": "imageurl image imagelink picture photo bild bildurl imagen immagine afbeelding",
        "price": "price saleprice unitprice preis prix precio prezzo prijs cena preco",
        "currency": "currency currencycode waehrung wahrung devise monnaie moneda divisa valuta moeda waluta",
        "category": "category producttype department kategorie warengruppe categorie categoria categorie kategoria",
        "availability": "availability stock instock stockstatus verfuegbarkeit verfugbarkeit bestand disponibilite "
        "disponibilidad disponibilita beschikbaarheid voorraad dostepnosc",
    },
}
