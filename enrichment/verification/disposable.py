"""Hosts of throw-away mailboxes, so that nobody is paid to say so."""

from __future__ import annotations

from enrichment.words import word_set

# The well-known ones, each also in github.com/disposable-email-domains/disposable-email-domains
# (CC0) as of its release 0.0.293. The rest of that list costs a credit an address at the vendor.
DISPOSABLE = word_set(
    """
    027168.com 10minutemail.com 10minutemail.net 1secmail.com 1secmail.net 1secmail.org
    20minutemail.com anonbox.net anonymbox.com armyspy.com bccto.me boun.cr bugmenot.com
    burnthespam.info byom.de chacuo.net courriel.fr.nf crazymailing.com cuvox.de dayrep.com
    deadaddress.com despam.it discard.email discardmail.com discardmail.de disposableaddress.com
    disposableinbox.com dispostable.com dodgit.com dropmail.me dump-email.info e4ward.com
    einrot.com email-fake.com emailfake.com emailondeck.com emailtemporanea.com emailtemporanea.net
    emlhub.com emlpro.com emltmp.com esiix.com fakeinbox.com fakemail.net fakemailgenerator.com
    filzmail.com fleckens.hu freeml.net generator.email getairmail.com getnada.com gishpuppy.com
    grr.la guerrillamail.biz guerrillamail.com guerrillamail.de guerrillamail.net guerrillamail.org
    guerrillamailblock.com gustr.com harakirimail.com hidemail.de hmamail.com inboxbear.com
    inboxkitten.com incognitomail.com incognitomail.org instant-mail.de jetable.com jetable.fr.nf
    jetable.net jetable.org jourrapide.com kasmail.com kaspop.com klzlk.com kurzepost.de
    linshiyouxiang.net lroid.com mail-temporaire.fr mailbox52.ga mailcatch.com maildrop.cc
    mailexpire.com mailforspam.com mailinator.com mailme.lv mailmoat.com mailnesia.com mailnull.com
    mailsac.com mailtemp.info mintemail.com minuteinbox.com moakt.cc moakt.com moakt.ws mohmal.com
    moncourrier.fr.nf monemail.fr.nf monmail.fr.nf mt2015.com mvrht.net mytemp.email
    mytempemail.com mytrashmail.com nada.email nada.ltd objectmail.com oneoffemail.com
    onewaymail.com owlpic.com pokemail.net proxymail.eu rcpt.at rhyta.com rmqkr.net sharklasers.com
    smailpro.com sofort-mail.de sogetthis.com soodonims.com spam4.me spamavert.com spambog.com
    spambog.de spambog.ru spambox.us spamex.com spamfree24.com spamfree24.de spamfree24.org
    spamhole.com spaml.com spamspot.com superrito.com teleworm.us temp-mail.org temp-mail.ru
    tempmail.de tempmail.plus tempmailo.com tempr.email throwawaymail.com tmail.ws tmailinator.com
    tmpeml.com tmpmail.net tmpmail.org tradermail.info trash-mail.at trash-mail.com trash-mail.de
    trashmail.com trashmail.de trashmail.me trashmail.net vddaz.com vpn.st walala.org
    wegwerfemail.de wegwerfmail.de wegwerfmail.net wegwerfmail.org wh4f.org whyspam.me
    willselfdestruct.com wwjmp.com xagloo.com xmaily.com xojxe.com yep.it yoggm.com yopmail.com
    yopmail.fr yopmail.net zehnminutenmail.de zoemail.org
    """
)


def is_disposable(domain: str) -> bool:
    """Whether the domain, or one above it, lends mailboxes to anybody for minutes."""
    labels = domain.lower().split(".")
    return any(".".join(labels[start:]) in DISPOSABLE for start in range(len(labels) - 1))
