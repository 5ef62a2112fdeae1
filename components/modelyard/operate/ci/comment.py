"""Puts the file FILE into a pull request, or a merge request, as one comment that later runs edit.

The file's first line is the marker by which the comment is found again, among those of the token's own account.
GitHub Actions: GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_TOKEN, NUMBER. GitLab CI: CI_API_V4_URL, CI_PROJECT_ID,
CI_MERGE_REQUEST_IID, GITLAB_TOKEN. It needs nothing but Python.
"""

import json
import os
import urllib.request

MOST = 65_536
"""Characters that GitHub takes in a comment; what comes from `yard report` fits already."""
PAGE = 100


def asked(method, url, headers, body=None):
    """The answer to one request, read as JSON."""
    data = None if body is None else json.dumps({"body": body}).encode()
    request = urllib.request.Request(url, data, {**headers, "Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def places(variables):
    """Where comments are listed and made, where one is edited, by which method, as whom, and whether one is ours."""
    if "GITHUB_API_URL" in variables:
        issues = "{GITHUB_API_URL}/repos/{GITHUB_REPOSITORY}/issues".format_map(variables)
        headers = {"Authorization": "Bearer " + variables["GITHUB_TOKEN"], "Accept": "application/vnd.github+json"}
        listed = f"{issues}/{variables['NUMBER']}/comments"
        return listed, issues + "/comments/{}", "PATCH", headers, lambda one: one["user"]["type"] == "Bot"
    api, headers = variables["CI_API_V4_URL"], {"PRIVATE-TOKEN": variables["GITLAB_TOKEN"]}
    notes = "{}/projects/{CI_PROJECT_ID}/merge_requests/{CI_MERGE_REQUEST_IID}/notes"
    listed = notes.format(api, **{name: variables[name] for name in ("CI_PROJECT_ID", "CI_MERGE_REQUEST_IID")})
    me = asked("GET", api + "/user", headers)["id"]
    return listed, listed + "/{}", "PUT", headers, lambda one: one["author"]["id"] == me


def main(variables):
    """Edits the comment that begins as the file does, or makes it."""
    with open(variables["FILE"], encoding="utf-8") as opened:
        text = opened.read()[:MOST]
    marker = text.partition("\n")[0]
    listed, one, edits, headers, is_ours = places(variables)
    page, there = 1, [{}] * PAGE
    while len(there) == PAGE:
        there = asked("GET", f"{listed}?per_page={PAGE}&page={page}", headers)
        for comment in there:
            if is_ours(comment) and comment["body"].startswith(marker):
                asked(edits, one.format(comment["id"]), headers, text)
                return
        page += 1
    asked("POST", listed, headers, text)


if __name__ == "__main__":
    main(os.environ)
