"""Bundles opened into typed resources, each decoded on its own, each resource once.

The same resource comes under several prefetch keys and pages. Of two versions of one resource the newer
counts. What cannot be decoded is kept raw, to become a gap.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from fhir_maps import r4
from fhir_maps.times import parse_instant

Resource = (
    r4.Observation
    | r4.MedicationAdministration
    | r4.MedicationRequest
    | r4.Medication
    | r4.Procedure
    | r4.Condition
    | r4.Patient
    | r4.DiagnosticReport
)
OUR_TYPES = frozenset(kind.__name__ for kind in Resource.__args__)
# What others refer to by a bundle's own URLs.
_REFERRED_TO = (r4.Medication, r4.MedicationRequest, r4.Patient)
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
# A batch answer holds searchsets: bundles within a bundle, and no deeper.
_DEEPEST = 3
# FHIR ids end at 64 characters; a longer one is shortened, as it is shown on cards.
_LONGEST_ID = 64
_NOTHING = frozenset({b"", b"null"})

_DECODER = msgspec.json.Decoder(Resource | r4.Bundle)
_VERSION = msgspec.json.Decoder(r4.VersionedResource)


class _WholeEntry(msgspec.Struct, frozen=True, gc=False):
    resource: Resource
    fullUrl: str | None = None  # noqa: N815 - FHIR's own name


class _WholeBundle(msgspec.Struct, frozen=True, gc=False, tag_field="resourceType", tag="Bundle"):
    """A bundle in which everything is a resource of ours and well formed: it is decoded in one go."""

    entry: list[_WholeEntry] = []


# A union, so that the type must be named.
_WHOLE_BUNDLE = msgspec.json.Decoder(_WholeBundle | r4.Patient)


class SearchsetEntry(_WholeEntry, frozen=True, gc=False):
    """An entry with its role in the searchset (a match, or what accompanies one)."""

    search: r4.EntrySearch | None = None


class _Searchset(msgspec.Struct, frozen=True, gc=False, tag_field="resourceType", tag="Bundle"):
    """As :class:`_WholeBundle`, with all that tells how complete an answer to a query is."""

    total: int | None = None
    link: list[r4.BundleLink] = []
    entry: list[SearchsetEntry] = []


_SEARCHSET = msgspec.json.Decoder(_Searchset | r4.Patient)


@dataclass(frozen=True, slots=True)
class DecodedSearchset:
    """A searchset without fault or surprise, decoded; ``raw`` is its JSON."""

    raw: msgspec.Raw
    bundle: _Searchset

    def __bytes__(self) -> bytes:
        """The JSON as it came."""
        return bytes(self.raw)


def decode_searchset(document: bytes | msgspec.Raw) -> DecodedSearchset | None:
    """Decode a Bundle whose entries are all well-formed resources of ours; ``None`` for anything else.

    Whether an answer is complete is judged before it is read: so it is decoded once for both.
    """
    try:
        bundle = _SEARCHSET.decode(document)
    except UNREADABLE:
        return None
    if not isinstance(bundle, _Searchset):
        return None
    return DecodedSearchset(document if isinstance(document, msgspec.Raw) else msgspec.Raw(document), bundle)


class _LooseBundle(msgspec.Struct):
    """A bundle of which an entry is malformed: the others are still read."""

    entry: list[msgspec.Raw] = []


class _LooseEntry(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw()


class _RawBundle(msgspec.Struct):
    entry: list[_LooseEntry] = []


_RAW_BUNDLE = msgspec.json.Decoder(_RawBundle)
_LOOSE_BUNDLE = msgspec.json.Decoder(_LooseBundle)
_LOOSE_ENTRY = msgspec.json.Decoder(_LooseEntry)
_TYPE = msgspec.json.Decoder(r4.TypeOnly)


@dataclass(slots=True)
class _Whole:
    """A bundle decoded in one go; its entries are looked at again only where two versions are compared."""

    raw: msgspec.Raw
    entries: list[_LooseEntry] | None = None

    def resource_at(self, place: int) -> msgspec.Raw:
        if self.entries is None:
            self.entries = _RAW_BUNDLE.decode(self.raw).entry
        return self.entries[place].resource


# Where the JSON of a resource stands: by itself, or at a place in a bundle.
_Origin = msgspec.Raw | tuple[_Whole, int]


@dataclass(slots=True)
class OpenedResources:
    """Typed resources in the order met, what could not be decoded, and the full URLs that name resources.

    ``origins`` tells where the JSON of each of ``resources`` stands, ``places`` where a resource stands by
    type and id. ``total`` counts every resource met but OperationOutcomes, repeats included.
    """

    resources: list[Resource] = field(default_factory=list)
    undecodable: list[msgspec.Raw] = field(default_factory=list)
    full_urls: dict[str, Resource] = field(default_factory=dict)
    total: int = 0
    origins: list[_Origin] = field(default_factory=list)
    places: dict[tuple[type, str], int] = field(default_factory=dict)


def open_bundles(items: Iterable[bytes | msgspec.Raw | DecodedSearchset]) -> OpenedResources:
    """Open bundles (or single resources) given as JSON. Never raises: what is no JSON is undecodable."""
    opened = OpenedResources()
    for item in items:
        if isinstance(item, DecodedSearchset):
            _keep_all(item.raw, item.bundle.entry, opened)
            continue
        raw = item if isinstance(item, msgspec.Raw) else msgspec.Raw(item)
        if bytes(memoryview(raw)[:1]):
            if not _open_whole(raw, opened):
                _open(raw, None, opened, _DEEPEST)
        else:
            opened.total += 1
            opened.undecodable.append(raw)
    return opened


def _open_whole(raw: msgspec.Raw, opened: OpenedResources) -> bool:
    """Open a bundle without fault or surprise, as most are; ``False`` leaves it untouched."""
    try:
        bundle = _WHOLE_BUNDLE.decode(raw)
    except UNREADABLE:
        return False
    if not isinstance(bundle, _WholeBundle):
        return False
    _keep_all(raw, bundle.entry, opened)
    return True


def _keep_all(raw: msgspec.Raw, entries: Sequence[_WholeEntry], opened: OpenedResources) -> None:
    whole = _Whole(raw)
    opened.total += len(entries)
    for place, entry in enumerate(entries):
        _keep(entry.resource, (whole, place), entry.fullUrl, opened)


def _open(raw: msgspec.Raw, full_url: str | None, opened: OpenedResources, depth: int) -> None:
    """Open a bundle or resource of which anything may be wrong, each entry on its own."""
    try:
        resource = _DECODER.decode(raw)
    except UNREADABLE:
        _open_loosely(raw, opened, depth)
        return
    if isinstance(resource, r4.Bundle):
        if depth:
            for entry in resource.entry:
                _open(entry.resource, entry.fullUrl, opened, depth - 1)
        else:
            opened.undecodable.append(raw)
        return
    opened.total += 1
    _keep(resource, raw, full_url, opened)


def _keep(resource: Resource, origin: _Origin, full_url: str | None, opened: OpenedResources) -> None:
    own_id = resource.id
    if own_id is not None:
        key = (type(resource), own_id)
        if len(own_id) > _LONGEST_ID or not own_id.isprintable():
            resource = msgspec.structs.replace(resource, id=_shortened(own_id))
        place = opened.places.get(key)
        if place is not None:
            if opened.resources[place] != resource and _is_newer(origin, opened.origins[place]):
                opened.resources[place], opened.origins[place] = resource, origin
            return
        opened.places[key] = len(opened.resources)
    opened.resources.append(resource)
    opened.origins.append(origin)
    if full_url is not None and isinstance(resource, _REFERRED_TO):
        opened.full_urls[full_url] = resource


def _shortened(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text[:_LONGEST_ID])


def _is_newer(origin: _Origin, other: _Origin) -> bool:
    """Whether a version was written after another; of two that do not say, the one met later counts."""
    written, other_written = _last_updated(origin), _last_updated(other)
    if written is None or other_written is None:
        return True
    return written >= other_written


def _last_updated(origin: _Origin) -> datetime | None:
    raw = origin if isinstance(origin, msgspec.Raw) else origin[0].resource_at(origin[1])
    try:
        meta = _VERSION.decode(raw).meta
    except UNREADABLE:
        return None
    return parse_instant(meta.lastUpdated) if meta is not None else None


def _open_loosely(raw: msgspec.Raw, opened: OpenedResources, depth: int) -> None:
    """Place what is no resource of ours, or is malformed."""
    if _is_nothing(raw):
        return
    kind = resource_type_of(raw)
    if kind == "OperationOutcome":
        return
    if kind == "Bundle" and depth:
        _open_malformed_bundle(raw, opened, depth)
        return
    opened.total += 1
    if kind is None or kind in OUR_TYPES or kind == "Bundle":
        opened.undecodable.append(raw)


def _is_nothing(raw: msgspec.Raw) -> bool:
    """Whether an entry has no resource (a batch answer may not)."""
    return bytes(memoryview(raw)[:5]).strip() in _NOTHING


def _open_malformed_bundle(raw: msgspec.Raw, opened: OpenedResources, depth: int) -> None:
    try:
        entries = _LOOSE_BUNDLE.decode(raw).entry
    except UNREADABLE:
        opened.total += 1
        opened.undecodable.append(raw)
        return
    for entry in entries:
        try:
            resource = _LOOSE_ENTRY.decode(entry).resource
        except UNREADABLE:
            opened.total += 1
            opened.undecodable.append(entry)
            continue
        _open(resource, None, opened, depth - 1)


def resource_type_of(raw: msgspec.Raw) -> str | None:
    """Return the type a resource names; ``None`` when it cannot be told."""
    try:
        return _TYPE.decode(raw).resourceType
    except UNREADABLE:
        return None
