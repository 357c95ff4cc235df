"""The page over the server, whose back end is HTTP."""

import socket
import threading
import time

import numpy as np
import pytest
from PIL import Image

from pages import watched
from pasticcio.render.stylizer import Stylizer
