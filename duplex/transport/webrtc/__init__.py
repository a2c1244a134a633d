"""WebRTC on aiortc: ICE, DTLS, SRTP and SCTP are its; pacing, arrival order and codecs' use are ours."""
