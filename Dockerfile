# The command line and, with the extra `serve`, the page and API.
#   docker build -t pasticcio .
#   docker run --rm -v "$PWD:/work" pasticcio stylize photo.jpg -s dance
#   docker run --rm -p 127.0.0.1:8000:8000 pasticcio serve --host 0.0.0.0 --port 8000
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src src
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.13-slim
COPY constraints.txt /tmp/
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir -c /tmp/constraints.txt "$(echo /wheels/*.whl)[serve]" \
    && rm -r /wheels /tmp/constraints.txt \
    && useradd --create-home painter
USER painter
WORKDIR /work
EXPOSE 8000
ENTRYPOINT ["pasticcio"]
CMD ["--help"]
