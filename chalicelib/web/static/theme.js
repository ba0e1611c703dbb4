/* Before the first paint: the theme that was chosen here. Without a choice the system's preference holds. */
{
  const chosen = localStorage.getItem("rialto theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
}
