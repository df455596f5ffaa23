"""Every public RPC over HTTP, made from the descriptors: Connect's protocol and Server-Sent Events.

https://connectrpc.com/docs/protocol says what unary calls, errors and Connect's own streams look like;
https://html.spec.whatwg.org/multipage/server-sent-events.html the event stream.
"""
