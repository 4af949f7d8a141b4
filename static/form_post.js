// Sends the one form of the page on; without this script its button does.
document.getElementById("form-post").submit();
