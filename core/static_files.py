"""Static files in production: under hashed names, and compressed in advance."""

from collections.abc import Iterable
from typing import Any

from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

SOURCE_MAPS = "map"  # half of all bytes, read by developer tools only


class StaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Compress only what browsers load: the copies with a hashed name, without source maps."""

    def create_compressor(self, **options: Any) -> Compressor:
        options["extensions"] = (*Compressor.SKIP_COMPRESS_EXTENSIONS, SOURCE_MAPS)
        return super().create_compressor(**options)

    def compress_files(self, paths: Iterable[str]) -> Any:
        hashed = set(self.hashed_files.values())
        return super().compress_files([path for path in paths if path in hashed])
