"""Nothing here takes a file."""

from typing import NoReturn

from django.core.files.uploadhandler import FileUploadHandler, SkipFile


class NoFiles(FileUploadHandler):
    """Passes over every file in a form, so that strangers cannot fill the disk with them."""

    def new_file(self, *_args: object, **_options: object) -> NoReturn:
        raise SkipFile
