"""From an HTTP request to a rendered picture: the API and the page of `pasticcio serve`.

    limits      what the server takes of a client, and how long it waits
    problem     errors as application/problem+json
    fields      the fields of a request: their meaning
    form        the parts of a body, bounded while it arrives
    work        a bounded queue and the threads that render
    service     a request's fields in, a picture out, by one Stylizer
    styles      the named styles: places on a map, thumbnails
    metrics     counters and times in the text format of Prometheus
    guard       hosts, origins, tokens, admission and security headers, before a request is read
    openapi     the description of the API
    app         the routes
    connection  deadlines and a limit on connections, below HTTP
    run         a socket, a server and its end

Needs the extra `serve`. No path and no URL is ever taken from a request, and nothing of one is written to disk.
"""
