"""WebRTC on aiortc: ICE, DTLS, SRTP, RTCP and SCTP are its; RTP, arrival order, codecs and pace are ours."""
