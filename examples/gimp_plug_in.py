#!/usr/bin/env python3
"""A GIMP 3 plug-in: Filters > Artistic > Pasticcio renders the layer in a named style.

Copy this file to `plug-ins/pasticcio/pasticcio.py` in GIMP's folder of settings, and make it executable. It calls the
command `pasticcio`, which must be on the path: GIMP has a Python of its own.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

PROCEDURE = "plug-in-pasticcio"


def command(photo: str, out: str, style: str, strength: float) -> list:
    """The command that renders a file."""
    return ["pasticcio", "stylize", photo, "-s", style, "--strength", f"{strength:g}", "-o", out]


def render(photo: str, out: str, style: str, strength: float) -> None:
    """Render a file.

    Raises:
        RuntimeError: the message of the command that failed.
    """
    done = subprocess.run(command(photo, out, style, strength), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())


def main() -> None:
    """Register with GIMP, which calls this file."""
    import gi

    gi.require_version("Gimp", "3.0")
    from gi.repository import Gimp, Gio, GLib, GObject

    class Pasticcio(Gimp.PlugIn):
        def do_query_procedures(self):
            return [PROCEDURE]

        def do_create_procedure(self, name):
            procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, self.run, None)
            procedure.set_image_types("RGB*")
            procedure.set_menu_label("Pasticcio...")
            procedure.add_menu_path("<Image>/Filters/Artistic")
            procedure.set_documentation("Render in the manner of a style", "See `pasticcio styles`.", name)
            flags = GObject.ParamFlags.READWRITE
            procedure.add_string_argument("style", "Style", "A named style or a file", "dance", flags)
            procedure.add_double_argument("strength", "Strength", "0 to 1.5", 0.0, 1.5, 1.0, flags)
            return procedure

        def run(self, procedure, mode, image, drawables, config, data):
            if mode == Gimp.RunMode.INTERACTIVE:
                gi.require_version("GimpUi", "3.0")
                from gi.repository import GimpUi

                GimpUi.init(PROCEDURE)
                if not GimpUi.ProcedureDialog.new(procedure, config, "Pasticcio").run():
                    return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
            try:
                with tempfile.TemporaryDirectory() as folder:
                    photo, out = (str(Path(folder, name)) for name in ("photo.png", "out.png"))
                    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(photo), None)
                    render(photo, out, config.get_property("style"), config.get_property("strength"))
                    layer = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(out))
                    image.insert_layer(layer, None, 0)
            except (OSError, RuntimeError) as error:
                fault = GLib.Error(str(error))
                return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, fault)
            return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)

    Gimp.main(Pasticcio.__gtype__, sys.argv)


if __name__ == "__main__":
    main()
