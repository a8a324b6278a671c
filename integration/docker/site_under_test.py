"""The one site of a run of the suite."""

from __future__ import annotations

from container import Site

_sites: list[Site] = []


def set_site(site: Site) -> None:
    """Called once, before any case runs."""
    _sites.append(site)


def the_site() -> Site:
    """Engine, assets and image under test."""
    return _sites[0]
