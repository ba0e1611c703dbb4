"""Draws profiles at random."""

from random import Random

from rialto_client.cli.universe import INSTRUMENTS, STRATEGIES, USERS, name_user

MOST_USERS = 50_000
_MOST_STRATEGIES = 7
_MOST_INSTRUMENTS = 10

DrawnProfiles = dict[str, dict[str, list[str]]]


def generate_profiles(random: Random, users: int) -> DrawnProfiles:
    """Return profiles of so many users, each with 1 to 7 strategies, each of those with 1 to 10 instruments.

    The instruments belong to the strategy: all users trade the same ones by it.
    """
    instruments = {
        strategy: random.sample(INSTRUMENTS, random.randint(1, _MOST_INSTRUMENTS)) for strategy in STRATEGIES
    }
    return {
        user: {
            strategy: instruments[strategy]
            for strategy in sorted(random.sample(STRATEGIES, random.randint(1, _MOST_STRATEGIES)))
        }
        for user in _draw_users(random, users)
    }


def _draw_users(random: Random, users: int) -> list[str]:
    """Return different names: as long as there are enough without a number, none has one."""
    names = [name_user(number) for number in range(max(users, len(USERS)))]
    return random.sample(names, users)
