"""The worker half: the SDK's executor, kept between episodes. The harness' only private SDK surface."""
